// The photo, as large as there is room, and what is drawn over it. Everything lies in pixels of the
// upright photo: to look closer is to look at a smaller part of it.

import { shape } from "./dom.js";
import { colourOf } from "./overlay.js";

const CLOSEST = 40;
const STEP = 1.25;
const POINT = 7;

export class Stage {
  /**
   * @param {SVGSVGElement} svg takes the photo and what is drawn
   * @param {{moved: Function, picked: Function, clicked: Function}} tell called when a landmark is
   *   dragged (its name, x, y), chosen (its name), and when the photo is clicked elsewhere (x, y)
   */
  constructor(svg, tell) {
    this.svg = svg;
    this.tell = tell;
    this.size = { width: 1, height: 1 };
    this.view = { x: 0, y: 0, width: 1, height: 1 };
    this.image = shape("image", { preserveAspectRatio: "none" });
    this.marks = shape("g", {});
    svg.append(this.image, this.marks);
    this.drawing = null;
    this.drag = null;
    svg.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    svg.addEventListener("pointerdown", (event) => this.#down(event));
    svg.addEventListener("pointermove", (event) => this.#move(event));
    svg.addEventListener("pointerup", (event) => this.#up(event));
    svg.addEventListener("pointercancel", () => (this.drag = null));
    new ResizeObserver(() => this.#redraw()).observe(svg);
  }

  /** Make room for another photo, which is on its way. */
  open({ width, height }) {
    this.size = { width, height };
    this.clear();
    this.image.setAttribute("width", width);
    this.image.setAttribute("height", height);
    this.fit();
  }

  /** Show the photo that there is room for. */
  show(url) {
    this.image.setAttribute("href", url);
  }

  clear() {
    this.image.removeAttribute("href");
    this.drawing = null;
    this.marks.replaceChildren();
  }

  fit() {
    this.#look({ x: 0, y: 0, width: this.size.width, height: this.size.height });
  }

  /** Look closer (above 1) or from further away, around a place or the middle. */
  zoom(factor, at = null) {
    const { x, y, width, height } = this.view;
    const centre = at ?? { x: x + width / 2, y: y + height / 2 };
    const least = this.size.width / CLOSEST;
    const scaled = Math.min(Math.max(width / factor, least), this.size.width);
    const share = scaled / width;
    this.#look({
      x: centre.x - (centre.x - x) * share,
      y: centre.y - (centre.y - y) * share,
      width: scaled,
      height: height * share,
    });
  }

  get isWhole() {
    return this.view.width >= this.size.width - 1e-6;
  }

  /** Look at another part, by shares of what is seen. */
  pan(right, down) {
    const { x, y, width, height } = this.view;
    this.#look({ x: x + right * width, y: y + down * height, width, height });
  }

  #look(view) {
    const { width, height } = this.size;
    view.x = Math.min(Math.max(view.x, 0), width - view.width);
    view.y = Math.min(Math.max(view.y, 0), height - view.height);
    this.view = view;
    this.svg.setAttribute("viewBox", `${view.x} ${view.y} ${view.width} ${view.height}`);
    this.svg.classList.toggle("close", !this.isWhole);
    this.#redraw();
  }

  /**
   * Draw over the photo.
   *
   * @param {{points: object[], boxes: object[], outlines: object[], movable: boolean}} drawing
   *   points with `name`, `x`, `y`, `state`, `selected`; boxes with `box`, `name`, `place`, `kept`,
   *   `selected`; outlines with `rings` and `place`
   */
  draw(drawing) {
    this.drawing = drawing;
    this.#redraw();
  }

  /** Pixels of the photo that one of the screen shows. */
  get unit() {
    const { clientWidth, clientHeight } = this.svg;
    return Math.max(this.view.width / (clientWidth || 1), this.view.height / (clientHeight || 1));
  }

  #redraw() {
    if (!this.drawing) return;
    const { outlines, boxes, points } = this.drawing;
    const unit = this.unit;
    this.marks.replaceChildren(
      ...outlines.flatMap((one, number) => outline(one, number, this.size)),
      ...boxes.flatMap((one) => box(one, unit)),
      // The chosen one last, so that it lies on top.
      ...[...points].sort((a, b) => a.selected - b.selected).map((one) => point(one, unit)),
    );
  }

  #at(event) {
    const at = new DOMPoint(event.clientX, event.clientY);
    return at.matrixTransform(this.svg.getScreenCTM().inverse());
  }

  #wheel(event) {
    event.preventDefault();
    const steps = -Math.sign(event.deltaY);
    this.zoom(STEP ** steps, this.#at(event));
  }

  #down(event) {
    if (event.button !== 0) return;
    const name = event.target.closest("[data-point]")?.dataset.point ?? null;
    this.svg.setPointerCapture(event.pointerId);
    this.drag = { name, from: this.#at(event), moved: false };
    if (name !== null) this.tell.picked(name);
  }

  #move(event) {
    if (!this.drag) return;
    const at = this.#at(event);
    const { name, from } = this.drag;
    const far = Math.hypot(at.x - from.x, at.y - from.y) > 3 * this.unit;
    if (!far && !this.drag.moved) return;
    this.drag.moved = true;
    if (name !== null) this.tell.moved(name, at.x, at.y);
    else {
      const { x, y, width, height } = this.view;
      this.#look({ x: x + from.x - at.x, y: y + from.y - at.y, width, height });
    }
  }

  #up(event) {
    const drag = this.drag;
    this.drag = null;
    if (drag && !drag.moved && drag.name === null) {
      const at = this.#at(event);
      this.tell.clicked(at.x, at.y);
    }
  }
}

/**
 * The fill of an outline, and a line around it. Polygons have no holes, so that what has some comes
 * in parts: the line is drawn outside of the whole alone, and none between the parts.
 */
function outline({ rings, place }, number, size) {
  const d = rings.map((ring) => `M${ring.map(([x, y]) => `${x} ${y}`).join("L")}Z`).join("");
  const whole = { x: 0, y: 0, ...size };
  const outside = shape(
    "mask",
    { id: `outside-${number}`, maskUnits: "userSpaceOnUse", ...whole },
    shape("rect", { ...whole, fill: "#fff" }),
    shape("path", { d, fill: "#000", stroke: "#000", class: "hair" }),
  );
  const around = { d, mask: `url(#outside-${number})` };
  return [
    outside,
    shape("path", { class: "outline", d, fill: colourOf(place) }),
    shape("path", { class: "seam", ...around }),
    shape("path", { class: "around", ...around, stroke: colourOf(place) }),
  ];
}

function box({ box: [left, top, width, height], name, place, kept, selected }, unit) {
  const state = `box${kept ? "" : " removed"}${selected ? " selected" : ""}`;
  const text = { class: "tag", x: left + 4 * unit, y: top + 16 * unit, "font-size": 14 * unit };
  return [
    shape("rect", { class: "seam", x: left, y: top, width, height }),
    shape("rect", { class: state, x: left, y: top, width, height, stroke: colourOf(place) }),
    shape("text", { ...text, "stroke-width": 3 * unit }, name),
  ];
}

function point({ name, x, y, state, selected }, unit) {
  const classes = `point ${state}${selected ? " selected" : ""}`;
  const group = shape("g", { class: classes, "data-point": name });
  group.append(
    shape("circle", { class: "grip", cx: x, cy: y, r: 16 * unit }),
    shape("circle", { class: "dot", cx: x, cy: y, r: POINT * unit }),
  );
  if (selected) {
    const text = { class: "tag", x: x + 12 * unit, y: y - 10 * unit, "font-size": 14 * unit };
    group.append(shape("text", { ...text, "stroke-width": 3 * unit }, name));
  }
  return group;
}
