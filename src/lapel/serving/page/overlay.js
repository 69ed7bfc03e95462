// What is drawn over a photo: landmarks, outlines and boxes, in pixels of the upright photo.

import { shape } from "./dom.js";
import { named, word } from "./words.js";

// Colours that can be told apart, by people who see few of them too.
// Source: Okabe & Ito, Color Universal Design, 2008; without black.
const COLOURS = ["#e69f00", "#56b4e9", "#009e73", "#f0e442", "#cc79a7", "#0072b2", "#d55e00"];
const SEEN = 0.5;
const LETTERS = 12.5; // pixels of the screen
// Pixels of most photos are of no garment, and a colour over them would hide the photo.
const GROUNDS = ["background", "배경"];
// More names than these are not shown unless somebody wants them.
export const MOST_NAMES = 12;

/** The colour of the n-th garment or class. */
export function colourOf(place) {
  return COLOURS[place % COLOURS.length];
}

/** Whether a class is what lies behind garments. */
export function isGround(label) {
  return GROUNDS.includes(label.toLowerCase());
}

/**
 * What can be drawn of a prediction: groups of one colour, each with points, outlines and a box.
 *
 * @returns {{key: string, name: string, colour: string, points: object[], outlines: number[][][],
 *   box: number[] | null, ground: boolean}[]}
 */
export function groupsOf(prediction) {
  const groups = [];
  const add = (key, name, more) =>
    groups.push({
      key,
      name,
      colour: colourOf(groups.length),
      points: [],
      outlines: [],
      box: null,
      ground: false,
      ...more,
    });
  const garments = (task, each) =>
    each.forEach((one, place) => add(`${task}/${place}`, one.label, garmentShapes(one)));
  for (const [task, answer] of Object.entries(prediction.answers ?? {})) {
    if ("points" in answer) add(task, task, { points: answer.points });
    if ("garments" in answer) garments(task, answer.garments);
    if ("classes" in answer) {
      for (const one of answer.classes) {
        const outlines = one.outlines ?? one.mask?.outlines ?? [];
        add(`${task}/${one.label}`, one.label, { outlines, ground: isGround(one.label) });
      }
    }
  }
  if ("garments" in prediction) garments("garment", prediction.garments);
  return groups;
}

function garmentShapes(one) {
  const read = Object.values(one.answers ?? {}).filter((answer) => "points" in answer);
  return {
    box: one.box,
    outlines: one.outlines ?? one.mask?.outlines ?? [],
    points: [...(one.points ?? []), ...read.flatMap((answer) => answer.points)],
  };
}

/**
 * Draw.
 *
 * @param {SVGElement} svg takes the drawing; its `aria-label` says what there is
 * @param {{width: number, height: number}} size of the photo, in pixels
 * @param {ReturnType<typeof groupsOf>} groups
 * @param {{points: boolean, names: boolean, outlines: boolean, boxes: boolean, off: Set<string>,
 *   marked: string | null}} shown
 * @param {number} unit pixels of the photo that one of the screen shows
 */
export function draw(svg, size, groups, shown, unit) {
  svg.setAttribute("viewBox", `0 0 ${size.width} ${size.height}`);
  const visible = groups.filter((group) => !shown.off.has(group.key));
  const taken = [];
  svg.replaceChildren(
    ...visible.map((group, place) => {
      const faint = shown.marked !== null && shown.marked !== group.key;
      const state = faint ? "faint" : shown.marked === group.key ? "marked" : "";
      const parts = [
        shown.outlines ? outlines(group, size, place) : [],
        shown.boxes && group.box ? box(group, size, unit) : [],
        shown.points ? group.points.map((point) => dot(point, group, unit)) : [],
        shown.points && shown.names ? group.points.map((point) => label(point, size, unit, taken)) : [],
      ];
      return shape("g", { "data-group": group.key, class: state }, ...parts);
    }),
  );
  svg.setAttribute("aria-label", said(visible, shown));
}

/**
 * The fill of an outline, and a line around it. Polygons have no holes, so that what has some comes
 * in parts: the line is drawn outside of the whole alone, and none between the parts.
 */
function outlines(group, size, place) {
  if (group.outlines.length === 0) return [];
  const d = group.outlines
    .map((ring) => `M${ring.map(([x, y]) => `${x} ${y}`).join("L")}Z`)
    .join("");
  const outside = shape(
    "mask",
    { id: `outside-${place}`, maskUnits: "userSpaceOnUse", x: 0, y: 0, ...size },
    shape("rect", { ...size, fill: "#fff" }),
    shape("path", { d, fill: "#000", stroke: "#000", class: "hair" }),
  );
  const around = { d, mask: `url(#outside-${place})` };
  return [
    outside,
    shape("path", { class: group.box ? "outline garment-fill" : "outline", d, fill: group.colour }),
    shape("path", { class: "seam around", ...around }),
    shape("path", { class: "line around", ...around, stroke: group.colour }),
  ];
}

function box(group, size, unit) {
  const [x, y, width, height] = group.box;
  const place = { x, y, width, height };
  const name = { x: x + 5 * unit, y: Math.max(y + 16 * unit, 16 * unit) };
  return [
    shape("rect", { class: "seam", ...place }),
    shape("rect", { class: "line box", ...place, stroke: group.colour }),
    written(named(group.name), name, unit),
  ];
}

function dot(point, group, unit) {
  const hidden = point.visible < SEEN;
  return shape(
    "circle",
    {
      class: hidden ? "point hidden-point" : "point",
      cx: point.x,
      cy: point.y,
      r: 5 * unit,
      fill: hidden ? null : group.colour,
      "data-name": point.name,
    },
    shape("title", {}, named(point.name)),
  );
}

/**
 * A landmark's name beside it: towards the middle of the photo, or wherever no other name is.
 *
 * @param {number[][]} taken left, top, right and bottom of the names that stand already
 */
function label(point, size, unit, taken) {
  const text = named(point.name);
  const [wide, high] = [text.length * 0.62 * LETTERS * unit, LETTERS * unit];
  const beside = [point.x + 9 * unit, point.x - 9 * unit - wide];
  if (point.x > size.width / 2) beside.reverse();
  const middle = point.x - wide / 2;
  const places = [
    ...beside.map((x) => [x, point.y - high / 2]),
    [middle, point.y - high - 8 * unit],
    [middle, point.y + 8 * unit],
    ...beside.map((x) => [x, point.y + high / 2]),
    ...beside.map((x) => [x, point.y - 1.5 * high]),
  ].map(([x, y]) => [x, y, x + wide, y + high]);
  const inside = ([left, top, right, bottom]) =>
    left >= 0 && top >= 0 && right <= size.width && bottom <= size.height;
  const free = (one) => !taken.some((other) => overlap(one, other));
  const chosen = places.find((one) => inside(one) && free(one)) ?? places.find(free) ?? places[0];
  taken.push(chosen);
  return written(text, { x: chosen[0], y: chosen[3] - 0.2 * high }, unit);
}

function overlap(one, other) {
  return one[0] < other[2] && other[0] < one[2] && one[1] < other[3] && other[1] < one[3];
}

function written(text, place, unit) {
  return shape("text", { ...place, "font-size": LETTERS * unit, "stroke-width": 3 * unit }, text);
}

/** The drawing in words. */
function said(groups, shown) {
  const list = (words) => words.join(", ");
  const place = (point) => `${named(point.name)} ${Math.round(point.x)}, ${Math.round(point.y)}`;
  const parts = [];
  const points = groups.flatMap((group) => group.points).filter((point) => point.visible >= SEEN);
  if (shown.points && points.length) parts.push(word("overlay_points", { list: list(points.map(place)) }));
  const boxed = groups.filter((group) => group.box);
  if (shown.boxes && boxed.length) {
    parts.push(word("overlay_boxes", { list: list(boxed.map((group) => named(group.name))) }));
  }
  const outlined = groups.filter((group) => group.outlines.length);
  if (shown.outlines && outlined.length) {
    parts.push(word("overlay_classes", { list: list(outlined.map((group) => named(group.name))) }));
  }
  return parts.join(" ") || word("overlay_none");
}
