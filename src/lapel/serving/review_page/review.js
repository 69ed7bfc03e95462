// One photo after another: what the machine says is there already, one key confirms or mends it.

import { Answer, LABEL_KEYS, PLACED, offered } from "./answer.js";
import { askConflict, askName, isOpen, showKeys, showPeople } from "./dialogs.js";
import { found } from "./dom.js";
import { Panel } from "./panel.js";
import { AGAIN, Queue, isAway } from "./queue.js";
import { ask } from "./server.js";
import { Stage } from "./stage.js";
import { languageButton, loadWords, onLanguage, percent, word } from "./words.js";

const NAME = "lapel.annotator";
const ZOOM = 1.25;

let about = null;
let annotator = "";
let queue = null;
let answer = null;
let since = 0;
let later = 0; // the timer of another try, where the server is away

const panel = new Panel(found("tasks"), { picked, changed });
const stage = new Stage(found("stage"), {
  moved: (name, x, y) => movePoint(name, x, y),
  picked: (name) => choose(name),
  clicked: (x, y) => clickPhoto(x, y),
});

// What comes and goes.

async function begin() {
  await loadWords("words.json", "review.json");
  languageButton(found("language"));
  onLanguage(() => answer && draw());
  about = await ask("v1/review");
  found("dataset").textContent = about.dataset;
  document.title = `${about.dataset} · Lapel`;
  tellProgress(about.progress);
  // A name that was chosen in this tab stays when it is loaded again.
  annotator = sessionStorage.getItem(NAME) || about.annotator || localStorage.getItem(NAME) || "";
  if (!annotator) annotator = await askName("");
  await start();
}

async function start() {
  localStorage.setItem(NAME, annotator);
  found("who").textContent = annotator;
  await queue?.outbox;
  queue?.close();
  queue = new Queue(annotator, {
    progress: tellProgress,
    unsaved: tellUnsaved,
    conflict: (item, refused, mine) => askConflict(about.tasks, item, refused, mine),
    refused: (item, refused) => trouble(`${item.image}: ${refused.message}`),
  });
  await next();
}

async function next() {
  await take(() => queue.next());
}

/** Show the photo that a promise brings, or that there is none left. */
async function take(coming) {
  clearTimeout(later);
  try {
    const photo = await coming();
    if (photo) await show(photo);
    else await showDone();
  } catch (error) {
    trouble(error.message);
    // Who refuses means it; a server that is away comes back, and nobody need load the page again.
    if (isAway(error)) later = setTimeout(() => take(coming), AGAIN);
  }
}

async function show(photo) {
  const { item } = photo;
  found("done").hidden = true;
  found("photo").hidden = found("panel").hidden = false;
  found("trouble").hidden = found("note").hidden = true;
  // One that comes back after an undo is as it was left.
  answer = photo.answer ??= new Answer(about.tasks, item);
  stage.open(item);
  since = performance.now();
  draw();
  found("name").textContent = item.image;
  found("doubt").textContent = item.doubt === null ? "" : word("doubt", { share: percent(item.doubt) });
  say(word("shown", { image: item.image }));
  try {
    const url = await photo.loaded;
    if (answer?.item === item) stage.show(url);
  } catch (error) {
    if (answer?.item === item) trouble(word("no_photo", { why: error.message }));
  }
}

async function showDone() {
  answer = null;
  stage.clear();
  found("photo").hidden = found("panel").hidden = found("trouble").hidden = true;
  await queue.outbox;
  const fresh = await ask("v1/review/progress");
  tellProgress(fresh);
  const mine = fresh.people.find((one) => one.name === annotator);
  const skipped = mine?.skipped ?? 0;
  const left = fresh.total - fresh.done;
  found("done").hidden = false;
  found("done-title").textContent = word(left ? "done_here" : "done_all");
  found("done-text").textContent = [
    word("done_of", { done: fresh.done, total: fresh.total }),
    left > skipped ? word("done_others", { count: left - skipped }) : "",
    left ? "" : word("done_next"),
  ].join(" ");
  found("again").hidden = skipped === 0;
  found("again").textContent = word("skipped_ones", { count: skipped });
  found("look").hidden = left <= skipped;
  found("done-title").focus();
}

// What a person does.

function confirm() {
  if (!answer) return;
  if (answer.isEmpty) {
    note(word("choose_first"));
    return;
  }
  finish(structuredClone(answer.values));
}

function pass() {
  if (answer) finish({});
}

function finish(answers) {
  const { item } = answer;
  answer = null;
  queue.send(item, answers, (performance.now() - since) / 1000);
  next();
}

async function undo() {
  if (!queue) return;
  try {
    const photo = await queue.undo();
    clearTimeout(later); // the next photo is not waited for any more
    await show(photo);
    say(word("undone", { image: photo.item.image }));
  } catch (error) {
    const text = error.code === "nothing_to_undo" ? word("nothing_to_undo") : error.message;
    if (answer) note(text);
    else found("done-text").textContent = text;
  }
}

/** A label was chosen: where it is all that is asked, that was the answer. */
function picked(task, label) {
  answer.toggle(task, label);
  found("note").hidden = true;
  if (task.kind === "single_label") {
    if (answer.tasks.length === 1) {
      confirm();
      return;
    }
    if (answer.active < answer.tasks.length - 1) answer.activate(answer.active + 1);
  }
  changed();
}

function changed() {
  draw();
}

function choose(name) {
  const task = taskOfPoint(name);
  if (!task) return;
  if (answer.task !== task) answer.activate(answer.tasks.indexOf(task));
  answer.selected = name;
  draw();
}

/** The task that a landmark is of: the one that is looked at, if it has such. */
function taskOfPoint(name) {
  const tasks = answer.tasks.filter((task) => task.kind === "landmarks" && task.labels.includes(name));
  return tasks.includes(answer.task) ? answer.task : tasks[0];
}

function movePoint(name, x, y) {
  answer.place(taskOfPoint(name), name, x, y);
  draw();
}

/** A click on the photo puts the chosen landmark there, if it has no place yet. */
function clickPhoto(x, y) {
  if (!answer || answer.task.kind !== "landmarks" || answer.selected === null) return;
  const there = answer.point(answer.task, answer.selected);
  const inside = x >= 0 && y >= 0 && x <= answer.item.width && y <= answer.item.height;
  if (inside && !PLACED.includes(there?.state)) movePoint(answer.selected, x, y);
}

// What is seen.

function draw() {
  if (panel.answer === answer) panel.draw();
  else panel.show(answer);
  stage.draw(drawing());
}

function drawing() {
  const drawn = { points: [], boxes: [], outlines: [] };
  for (const task of answer.tasks) {
    const here = task === answer.task;
    if (task.kind === "landmarks") drawn.points.push(...points(task, here));
    if (task.kind === "garments") addGarments(task, here, drawn);
    if (task.kind === "segmentation") addClasses(task, drawn);
  }
  return drawn;
}

function points(task, here) {
  return (answer.value(task) ?? [])
    .filter((one) => PLACED.includes(one.state))
    .map((one) => ({ ...one, selected: here && one.name === answer.selected }));
}

function addGarments(task, here, drawn) {
  answer.garments[task.name].forEach(({ garment, place, kept }, row) => {
    const rings = answer.item.outlines[task.name]?.[place] ?? [];
    if (kept && rings.length) drawn.outlines.push({ rings, place: row });
    const selected = here && answer.selected === row;
    const name = `${row + 1} ${garment.part}`;
    if (garment.box) drawn.boxes.push({ box: garment.box, name, place: row, kept, selected });
  });
}

function addClasses(task, drawn) {
  if (answer.value(task) === null) return;
  const outlines = answer.item.outlines[task.name] ?? {};
  task.labels.forEach((label, place) => {
    // The first class is what lies behind the garment; a colour over it would hide the photo.
    if (place > 0 && outlines[label]) drawn.outlines.push({ rings: outlines[label], place });
  });
}

function tellProgress(now) {
  const bar = found("bar");
  bar.max = now.total;
  bar.value = now.done;
  const mine = now.people.find((one) => one.name === annotator)?.answered ?? 0;
  const far = { done: now.done, total: now.total, people: about.overlap };
  // A photo is done once so many people have answered it: nobody's own are among them at first.
  found("far").textContent =
    about.overlap > 1
      ? `${word("done_each", far)} · ${word("done_mine", { count: mine })}`
      : word("done_of", far);
}

function tellUnsaved(count, error) {
  const failing = count > 0 && error !== null;
  found("saved").textContent = failing ? word("unsaved", { count }) : "";
  found("saved").className = failing ? "small failing" : "small";
}

function trouble(text) {
  found("trouble").textContent = text;
  found("trouble").hidden = false;
}

function note(text) {
  found("note").textContent = text;
  found("note").hidden = false;
}

function say(text) {
  found("said").textContent = text;
}

// Keys.

const ACTIONS = {
  Enter: confirm,
  s: pass,
  u: undo,
  "[": () => turnTo(-1),
  "]": () => turnTo(1),
  "/": () => panel.find(),
  "?": showKeys,
  "+": () => stage.zoom(ZOOM),
  "=": () => stage.zoom(ZOOM),
  "-": () => stage.zoom(1 / ZOOM),
  Home: () => stage.fit(),
  v: turnPoint,
  x: remove,
  Escape: () => ((answer.selected = null), draw()),
};

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// Keys that go on while they are held.
const HELD = new Set([...Object.keys(ARROWS), "+", "=", "-"]);

// Keys that work where there is no photo.
const ALWAYS = new Set(["u", "?"]);

function pressed(event) {
  if (isOpen() || event.altKey || event.metaKey) return;
  const key = plainKey(event);
  const at = event.target;
  if (at.matches("input, select, textarea")) {
    if (key === "Escape") at.blur();
    // In a field of text it takes back what was typed.
    if (event.ctrlKey && key === "z" && !event.repeat && at.matches("select")) act(event, undo);
    return;
  }
  // A key that is held would answer photos that nobody has seen.
  if (event.repeat && !HELD.has(key)) {
    if (key === "Enter") event.preventDefault(); // nor press a button again and again
    return;
  }
  if (event.ctrlKey) {
    if (key === "z") act(event, undo);
    return;
  }
  if (at.matches("button, a, summary") && (key === "Enter" || key === " ")) return;
  if (!answer && !ALWAYS.has(key)) return;
  if (key in ACTIONS) act(event, ACTIONS[key]);
  else if (key in ARROWS) act(event, () => arrow(ARROWS[key], event.shiftKey));
  else if (LABEL_KEYS.includes(key) && key.length === 1) act(event, () => labelKey(key));
}

function act(event, what) {
  event.preventDefault();
  what();
}

/** The key as printed; where another script is typed, the Latin letter of that key. */
function plainKey(event) {
  if (event.key.length > 1 || /^[\x20-\x7e]$/.test(event.key)) {
    return event.key.length === 1 ? event.key.toLowerCase() : event.key;
  }
  return /^Key[A-Z]$/.test(event.code) ? event.code[3].toLowerCase() : event.key;
}

function turnTo(step) {
  answer.activate(answer.active + step);
  draw();
}

function labelKey(key) {
  const { task } = answer;
  const place = LABEL_KEYS.indexOf(key);
  if (task.kind === "landmarks") {
    if (place < task.labels.length) choose(task.labels[place]);
  } else if (task.kind === "garments") {
    if (place < answer.garments[task.name].length) {
      answer.selected = place;
      draw();
    }
  } else if (task.kind !== "segmentation") {
    const label = offered(task, answer)[place];
    if (label !== undefined) picked(task, label);
  }
}

function arrow([right, down], far) {
  const { task, selected } = answer;
  const point = task.kind === "landmarks" && selected !== null ? answer.point(task, selected) : null;
  if (point && PLACED.includes(point.state)) {
    const step = far ? 10 : 1;
    movePoint(selected, point.x + right * step, point.y + down * step);
  } else stage.pan(right / 8, down / 8);
}

function turnPoint() {
  const { task, selected } = answer;
  if (task.kind !== "landmarks" || selected === null) return;
  answer.turn(task, selected);
  draw();
}

function remove() {
  const { task, selected } = answer;
  if (task.kind === "garments" && selected !== null) {
    answer.keep(task, selected, !answer.garments[task.name][selected].kept);
  } else if (task.kind === "segmentation") answer.leave(task);
  else if (task.kind === "landmarks" && selected !== null && answer.point(task, selected)) {
    while (answer.point(task, selected)) answer.turn(task, selected);
  } else return;
  draw();
}

for (const [id, what] of Object.entries({
  confirm,
  pass,
  undo,
  back: undo,
  closer: () => stage.zoom(ZOOM),
  further: () => stage.zoom(1 / ZOOM),
  fit: () => stage.fit(),
  help: showKeys,
  people: showPeople,
  again: () => take(() => queue.again()),
  look: next,
  who: async () => {
    const name = await askName(annotator);
    if (name === annotator) return;
    annotator = name;
    sessionStorage.setItem(NAME, name);
    await start();
  },
})) {
  found(id).addEventListener("click", (event) => {
    // After a click of the mouse Enter confirms, and does not press the same button again.
    if (event.detail > 0) document.activeElement?.blur();
    what();
  });
}
addEventListener("keydown", pressed);
addEventListener("beforeunload", (event) => {
  if (queue?.unsaved) event.preventDefault();
});

begin().catch((error) => {
  found("photo").hidden = false;
  trouble(error.message);
});
