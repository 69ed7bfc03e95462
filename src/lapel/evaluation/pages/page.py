"""One self-contained HTML page: no network, no scripts, light and dark as the reader's system is.

Everything here returns HTML. Texts that come from elsewhere pass through :func:`escaped` on
their way in; the page forbids scripts and outside sources besides.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

# Colours have a meaning each: `--right` and `--wrong` for answers, `--first` and `--second` for
# two things compared. Figures use the same variables, so they follow light and dark.
_STYLE = """
:root { color-scheme: light dark;
  --paper: #faf8f5; --card: #ffffff; --ink: #23201c; --soft: #6f6a62; --line: #e5e0d8;
  --right: #2f6f8f; --wrong: #c4511d; --first: #c4511d; --second: #2f6f8f; --note: #fdf3df; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #161718; --card: #1f2123; --ink: #ebe7e0; --soft: #a09a90; --line: #36383b;
  --right: #6db3d6; --wrong: #ee8a55; --first: #ee8a55; --second: #6db3d6; --note: #352c1b; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Apple SD Gothic Neo",
  "Malgun Gothic", "Noto Sans CJK KR", sans-serif; }
main, header, footer { max-width: 1080px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 44px; }
.brand { color: var(--soft); letter-spacing: .14em; text-transform: uppercase; font-size: 12px; }
h1 { font-size: 30px; line-height: 1.2; margin: 6px 0 4px; font-weight: 650; }
h2 { font-size: 20px; margin: 52px 0 4px; font-weight: 650; }
h3 { font-size: 15px; margin: 24px 0 8px; font-weight: 650; }
p { margin: 4px 0 14px; max-width: 80ch; text-wrap: pretty; }
.soft, figcaption, caption { color: var(--soft); }
nav { margin: 18px 0 0; display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 14px; }
a { color: var(--right); text-decoration: none; } a:hover { text-decoration: underline; }
.cards { display: grid; gap: 12px; margin: 26px 0 8px;
  grid-template-columns: repeat(auto-fit, minmax(172px, 1fr)); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 14px 16px; }
.card b { display: block; font-size: 28px; line-height: 1.25; font-weight: 650;
  font-variant-numeric: tabular-nums; }
.card span { display: block; font-size: 13px; color: var(--soft); }
.note { background: var(--note); border-radius: 10px; padding: 10px 16px; margin: 12px 0;
  max-width: none; }
.panel { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 16px; margin: 12px 0; overflow-x: auto; }
.pair { display: grid; gap: 12px; grid-template-columns: repeat(auto-fit, minmax(320px, 1fr)); }
.pair .panel, .trio .panel { margin: 0; }
.trio { display: grid; gap: 12px; grid-template-columns: repeat(auto-fill, minmax(250px, 1fr));
  margin-top: 12px; }
.trio .panel { padding: 12px; }
figure { margin: 0; }
figcaption { font-size: 13px; margin-top: 6px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-size: 13px; padding-bottom: 8px; }
th { text-align: right; font-weight: 550; color: var(--soft); font-size: 13px; padding: 4px 10px;
  border-bottom: 1px solid var(--line); white-space: nowrap; }
td { text-align: right; white-space: nowrap; padding: 4px 10px;
  border-bottom: 1px solid var(--line); }
tr:last-child td { border-bottom: 0; }
th:first-child, td:first-child, .words th:nth-child(2), .words td:nth-child(2),
.overview th:nth-child(7), .overview td:nth-child(7) { text-align: left; }
.overview td:nth-child(7) { white-space: normal; min-width: 8em; }
td:first-child { white-space: normal; overflow-wrap: anywhere; min-width: 10em; }
.meter { width: 72px; height: 8px; margin-left: 8px; vertical-align: middle; border: 0;
  background: var(--line); border-radius: 4px; overflow: hidden; display: inline-block; }
.meter i { display: block; height: 8px; background: var(--right); }
.tiles { display: grid; gap: 12px;
  grid-template-columns: repeat(auto-fill, minmax(124px, 1fr)); }
.tiles.large { grid-template-columns: repeat(auto-fill, minmax(220px, 1fr)); }
.tiles.wide { grid-template-columns: repeat(auto-fill, minmax(min(440px, 100%), 1fr)); }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  overflow: hidden; font-size: 13px; line-height: 1.35; }
.tile img, .tile .none { display: block; width: 100%; aspect-ratio: 1; object-fit: contain;
  background: var(--paper); }
.tiles.wide img { aspect-ratio: auto; }
.tile .none { display: grid; place-items: center; color: var(--soft); background: var(--line); }
.tile .small { image-rendering: pixelated; background: #000; }
.tile figcaption { margin: 0; padding: 8px 10px 10px; color: var(--ink); font-size: 13px;
  overflow-wrap: anywhere; }
.tile .name { color: var(--soft); font-size: 11px; margin-top: 3px; overflow: hidden;
  display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; line-clamp: 2; }
.right { color: var(--right); } .wrong { color: var(--wrong); font-weight: 600; }
svg { display: block; max-width: 100%; height: auto; margin: 0 auto;
  font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Apple SD Gothic Neo",
  "Malgun Gothic", "Noto Sans CJK KR", sans-serif; }
svg text { fill: var(--ink); } svg .soft { fill: var(--soft); }
svg .axis { stroke: var(--soft); } svg .grid { stroke: var(--line); }
svg .over { fill: var(--paper); }
.whole, .fact { white-space: nowrap; }
.fact { color: var(--soft); font-size: 12px; }
details summary { cursor: pointer; color: var(--right); }
pre { overflow-x: auto; font-size: 12px; line-height: 1.45; }
footer { color: var(--soft); font-size: 13px; padding-top: 40px; padding-bottom: 48px; }
@media print { body { background: #fff; } .panel, .tile, .card { break-inside: avoid; } nav {
  display: none; } }
"""

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def escaped(value: object) -> str:
    """A text from elsewhere as HTML that says just that; what cannot be shown is spelled out."""
    shown = "".join(
        character if character.isprintable() else repr(character)[1:-1] for character in str(value)
    )
    return html.escape(shown)


def page(*, title: str, lead: str, sections: Sequence[tuple[str, str, str]], foot: str) -> str:
    """A whole page.

    Args:
        title: its title, as plain text.
        lead: HTML below the title.
        sections: (anchor, heading as plain text, HTML) of each section.
        foot: HTML of the last lines.
    """
    links = "".join(f'<a href="#{anchor}">{escaped(name)}</a>' for anchor, name, _ in sections)
    body = "".join(
        f'<section id="{anchor}"><h2>{escaped(name)}</h2>{content}</section>'
        for anchor, name, content in sections
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escaped(title)}</title><style>{_STYLE}</style></head><body>"
        f'<header><div class="brand">Lapel</div><h1>{escaped(title)}</h1>{lead}'
        f"<nav>{links}</nav></header><main>{body}</main><footer>{foot}</footer></body></html>\n"
    )


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, style: str = "") -> str:
    """A table; the header is plain text, the cells are HTML."""
    head = "".join(f"<th>{escaped(name)}</th>" for name in header)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f'<div class="panel"><table class="{style}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def card(name: str, value: str, *below: str) -> str:
    """A number to be read from afar; every argument is plain text."""
    lines = "".join(f"<span>{escaped(line)}</span>" for line in below)
    return f'<div class="card"><span>{escaped(name)}</span><b>{escaped(value)}</b>{lines}</div>'


def bar(share: float) -> str:
    """A share, 0 to 1, as a small bar after its number."""
    width = round(100 * min(max(share, 0.0), 1.0))
    return f'<span class="meter"><i style="width:{width}%"></i></span>'


def figure(drawing: str, caption: str) -> str:
    """A drawing (HTML) with a caption (plain text)."""
    return f"<figure>{drawing}<figcaption>{escaped(caption)}</figcaption></figure>"
