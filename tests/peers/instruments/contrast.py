"""How far texts of a page stand out from what is behind them."""

from __future__ import annotations

from playwright.sync_api import Page

CONTRAST = """() => {
  const channels = text => text.match(/[\\d.]+/g).map(Number);
  const linear = value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(value => linear(value / 255));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = node => {
    for (let at = node; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let weakest = 21;
  while (walker.nextNode()) {
    const holder = walker.currentNode.parentElement;
    const seen = holder.checkVisibility() && !holder.closest("svg, .unseen, .skip, option");
    if (!walker.currentNode.data.trim() || !seen) continue;
    const both = [channels(getComputedStyle(holder).color), ground(holder)].map(luminance);
    weakest = Math.min(weakest, (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05));
  }
  return weakest;
}"""


def weakest_contrast(page: Page) -> float:
    """Of all texts outside photos, by WCAG 2.2's formula of relative luminance."""
    weakest: float = page.evaluate(CONTRAST)
    return weakest
