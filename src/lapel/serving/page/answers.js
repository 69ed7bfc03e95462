// Answers as people read them: labels with bars, task by task, garment by garment.

import { element } from "./dom.js";
import { colourOf, groupsOf } from "./overlay.js";
import { named, percent, word } from "./words.js";

const SEEN = 0.5;

/** One line: a label (a text, or elements), its probability as a bar and as a number. */
export function bar(label, share, { held = false, mark = null, note = null, from = null } = {}) {
  const filled = element("span");
  filled.style.width = `${(100 * Math.min(1, Math.max(0, share))).toFixed(2)}%`;
  return element(
    "li",
    { class: held ? "held" : "" },
    element("span", { class: "name" }, mark, element("span", {}, ...[label].flat()), note),
    element("span", { class: "bar", "aria-hidden": "true" }, filled),
    element("span", { class: "number" }, percent(share)),
    from === null ? null : yesFrom(from),
  );
}

/** Where yes begins: a line across the bar, and words for who does not see it. */
function yesFrom(threshold) {
  const said = word("yes_from", { share: percent(threshold) });
  const line = element("span", { class: "from", "aria-hidden": "true", title: said });
  line.style.setProperty("--from", threshold);
  return [line, element("span", { class: "unseen" }, `, ${said}`)];
}

const swatch = (colour) => {
  const made = element("span", { class: "swatch", "aria-hidden": "true" });
  made.style.background = colour;
  return made;
};

const tick = () => [
  element("span", { class: "tick", "aria-hidden": "true" }, "✓"),
  element("span", { class: "unseen" }, `${word("chosen")}: `),
];

/** All answers about one photo. */
export function answersOf(prediction, drawing) {
  if ("garments" in prediction) return [garmentList(prediction.garments, "garment", drawing)];
  return Object.entries(prediction.answers).map(([task, answer]) => taskOf(task, answer, drawing));
}

function taskOf(task, answer, drawing) {
  if ("points" in answer) return landmarks(task, answer.points);
  if ("classes" in answer) return classes(task, answer.classes, drawing);
  if ("garments" in answer) return garmentList(answer.garments, task, drawing, task);
  if ("labels" in answer) return anyOf(task, answer, drawing.thresholds);
  return oneOf(task, answer);
}

function section(title, note, ...content) {
  const heading = element("header", {}, element("h3", {}, title));
  if (note) heading.append(element("span", { class: "soft small" }, note));
  return element("section", { class: "task", "data-task": title }, heading, ...content);
}

const bars = (...lines) => element("ol", { class: "bars" }, ...lines);

function oneOf(task, answer) {
  const lines = answer.top.map((one, place) =>
    bar(named(one.label), one.probability, { held: place === 0 }),
  );
  return section(named(task), null, bars(...lines));
}

function anyOf(task, answer, thresholds) {
  const holding = new Set(answer.labels.map((one) => one.label));
  const others = answer.top.filter((one) => !holding.has(one.label));
  const sorted = [...answer.labels].sort((a, b) => b.probability - a.probability);
  const line = (one, shown) =>
    bar(named(one.label), one.probability, { ...shown, ...markOf(thresholds[task]?.[one.label]) });
  const lines = [
    ...sorted.map((one) => line(one, { held: true, mark: tick() })),
    ...others.map((one) => line(one, {})),
  ];
  return section(named(task), holding.size ? word("own_threshold") : word("none_holds"), bars(...lines));
}

/** How a bar shows the threshold of its label; above 1: none is reached. */
function markOf(threshold) {
  if (threshold === undefined) return {};
  return threshold > 1 ? { note: aside(word("never")) } : { from: threshold };
}

const aside = (text) => element("span", { class: "small" }, `(${text})`);

function landmarks(task, points) {
  const seen = points.filter((point) => point.visible >= SEEN).length;
  const lines = points.map((point) => {
    const held = point.visible >= SEEN;
    return bar(named(point.name), point.visible, { held, note: held ? null : aside(word("hidden")) });
  });
  return section(named(task), word("landmarks_seen", { seen, all: points.length }), bars(...lines));
}

function classes(task, each, drawing) {
  const present = [...each].sort((a, b) => b.share - a.share);
  const lines = present.map((one) => {
    const key = `${task}/${one.label}`;
    const box = element("input", {
      type: "checkbox",
      "aria-label": word("garment_show", { name: named(one.label) }),
      onchange: () => drawing.turn(key, box.checked),
    });
    box.checked = !drawing.off.has(key);
    const mark = [box, swatch(drawing.colours.get(key))];
    return bar(named(one.label), one.share, { held: true, mark });
  });
  return section(named(task), word("shares"), bars(...lines));
}

function garmentList(garments, key, drawing, title = null) {
  const said = garments.length
    ? word("garments_found", { count: garments.length })
    : word("garments_none");
  const each = garments.map((one, place) => garment(one, `${key}/${place}`, place, drawing));
  return title === null ? section(said, null, ...each) : section(named(title), said, ...each);
}

function garment(one, key, place, drawing) {
  const canvas = element("canvas", { role: "img", "aria-label": named(one.label), width: 1, height: 1 });
  drawing.cut(canvas, one);
  const name = `${place + 1} · ${named(one.label)}`;
  const button = element(
    "button",
    {
      type: "button",
      class: "show",
      "aria-pressed": String(drawing.marked === key),
      "aria-label": word("garment_show", { name }),
      "data-group": key,
      onclick: () => drawing.mark(key),
    },
    swatch(drawing.colours.get(key) ?? colourOf(place)),
    name,
  );
  const read = one.answers === undefined ? [] : readOf(one.answers, drawing.thresholds);
  const found = bars(bar(word("garment"), one.score, { held: true }));
  return element(
    "article",
    { class: "garment", "data-garment": place },
    canvas,
    element("div", { class: "said" }, element("div", { class: "row" }, button), found, ...read),
  );
}

/** What a second model read of a garment: the best label of each task, briefly. */
function readOf(answers, thresholds) {
  const entries = Object.entries(answers);
  const lines = entries.flatMap(([task, answer]) => brief(task, answer, thresholds));
  return [lines.length ? bars(...lines) : element("p", { class: "soft" }, word("too_small"))];
}

function brief(task, answer, thresholds) {
  const full = (label) => [
    element("span", { class: "soft of" }, `${named(task)}: `),
    named(label),
  ];
  if ("points" in answer) return [];
  const line = (one, mark) => bar(full(one.label), one.probability, { held: true, ...mark });
  if (!("labels" in answer)) return [line(answer, {})];
  return answer.labels.map((one) => line(one, markOf(thresholds[task]?.[one.label])));
}

/** Colours by the key of each group that is drawn. */
export function coloursOf(prediction) {
  return new Map(groupsOf(prediction).map((group) => [group.key, group.colour]));
}

/** An answer in a few words, with how sure it is: for a cell of the table, and for the status. */
export function inShort(answer) {
  if ("points" in answer) {
    const seen = answer.points.filter((point) => point.visible >= SEEN).length;
    return [[word("landmarks_seen", { seen, all: answer.points.length }), null]];
  }
  if ("classes" in answer) return answer.classes.map((one) => [named(one.label), one.share]);
  if ("garments" in answer) return answer.garments.map((one) => [named(one.label), one.score]);
  if ("labels" in answer) return answer.labels.map((one) => [named(one.label), one.probability]);
  return [[named(answer.label), answer.probability]];
}
