// What somebody is about to say of a photo: a value for each task, in the dataset's own form, and
// how keys and clicks change it. Nothing here touches the page.

// Letters that do something else (s, u, v, x) are no keys of labels.
export const LABEL_KEYS = "1234567890qwertyiopadfghjklzcbnm";
export const PLACED = ["visible", "hidden"];

/** The key of the n-th thing that may be chosen; nothing beyond the last key. */
export function keyOf(place) {
  return LABEL_KEYS[place] ?? "";
}

export class Answer {
  /**
   * @param {object[]} tasks what is asked: `name`, `kind`, `labels`, perhaps `points`
   * @param {object} item the photo, as the server shows it
   */
  constructor(tasks, item) {
    this.tasks = tasks;
    this.item = item;
    this.values = structuredClone(item.answers ?? item.proposed);
    for (const task of tasks) this.values[task.name] ??= null;
    this.active = 0;
    // Which landmark or garment keys are about.
    this.selected = null;
    this.garments = Object.fromEntries(
      tasks.filter((task) => task.kind === "garments").map((task) => [task.name, this.#rows(task)]),
    );
  }

  #rows(task) {
    return (this.values[task.name] ?? []).map((garment, place) => ({ garment, place, kept: true }));
  }

  get task() {
    return this.tasks[this.active];
  }

  value(task = this.task) {
    return this.values[task.name];
  }

  /** Whether the answer to a task is the proposal. */
  isProposed(task) {
    return same(this.value(task), this.item.proposed[task.name] ?? null);
  }

  /** Whether every task that takes a label from scratch has one; others may be left open. */
  get isEmpty() {
    return this.tasks.every((task) => this.value(task) === null);
  }

  activate(place) {
    this.active = (place + this.tasks.length) % this.tasks.length;
    this.selected = null;
  }

  /** Say one label, or take it back; say a tag, or take it back. */
  toggle(task, label) {
    if (task.kind === "single_label") {
      this.values[task.name] = label;
      return;
    }
    const value = this.values[task.name] ?? { yes: [], unknown: [] };
    const yes = new Set(value.yes);
    if (!yes.delete(label)) yes.add(label);
    const unknown = value.unknown.filter((one) => one !== label);
    this.values[task.name] = { yes: task.labels.filter((one) => yes.has(one)), unknown };
  }

  /** Leave a task open, or say again what was said. */
  leave(task) {
    const open = this.value(task) === null;
    this.values[task.name] = open ? structuredClone(this.item.proposed[task.name] ?? null) : null;
    if (task.kind === "garments") this.garments[task.name] = this.#rows(task);
  }

  // Landmarks.

  point(task, name) {
    return this.value(task)?.find((one) => one.name === name) ?? null;
  }

  /** Put a landmark somewhere in the photo; one that had no place is then visible. */
  place(task, name, x, y) {
    const { width, height } = this.item;
    const at = {
      name,
      x: round(Math.min(Math.max(x, 0), width)),
      y: round(Math.min(Math.max(y, 0), height)),
      state: "visible",
    };
    const there = this.point(task, name);
    if (there && PLACED.includes(there.state)) at.state = there.state;
    this.#set(task, name, at);
  }

  /** Visible, hidden, not there at all, and visible again; one without a place waits for one. */
  turn(task, name) {
    const there = this.point(task, name);
    if (there?.state === "visible") this.#set(task, name, { ...there, state: "hidden" });
    else if (there) this.#set(task, name, null);
    else {
      const proposed = this.item.proposed[task.name]?.find((one) => one.name === name);
      const { width, height } = this.item;
      const at = typeof proposed?.x === "number" ? proposed : { x: width / 2, y: height / 2 };
      this.#set(task, name, { name, x: at.x, y: at.y, state: "visible" });
    }
  }

  #set(task, name, point) {
    const points = new Map((this.value(task) ?? []).map((one) => [one.name, one]));
    if (point === null) points.delete(name);
    else points.set(name, point);
    this.values[task.name] = task.labels.filter((one) => points.has(one)).map((one) => points.get(one));
  }

  // Garments.

  keep(task, place, kept) {
    this.garments[task.name][place].kept = kept;
    this.#gather(task);
  }

  rename(task, place, part) {
    const row = this.garments[task.name][place];
    if (row.garment.part === part) return;
    const proposed = this.item.proposed[task.name]?.[row.place];
    // Points are of a category; those of another one mean something else.
    const points = proposed?.part === part ? proposed.points : [];
    const hidden = proposed?.part === part ? proposed.hidden : undefined;
    const { hidden: _, ...rest } = row.garment;
    row.garment = { ...rest, part, points, ...(hidden ? { hidden } : {}) };
    this.#gather(task);
  }

  #gather(task) {
    const rows = this.garments[task.name];
    this.values[task.name] = rows.filter((row) => row.kept).map((row) => row.garment);
  }
}

/** Whether two plain values are equal. */
export function same(one, other) {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || !one || !other) return false;
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => name in other && same(one[name], other[name]))
  );
}

/** The labels of a task in the order in which they are offered. */
export function offered(task, answer) {
  const places = new Map(task.labels.map((label, place) => [label, place]));
  if (task.labels.length <= LABEL_KEYS.length) return task.labels;
  const likely = answer.item.likelihoods[task.name] ?? {};
  const held = new Set(heldBy(answer.item.proposed[task.name] ?? answer.value(task)));
  const weight = (label) => (held.has(label) ? 2 : 0) + (likely[label] ?? 0);
  return [...task.labels].sort((a, b) => weight(b) - weight(a) || places.get(a) - places.get(b));
}

/** The labels that a value holds. */
export function heldBy(value) {
  if (value === null || value === undefined) return [];
  if (typeof value === "string") return [value];
  if (Array.isArray(value)) return value.map((one) => one.part ?? one.name);
  return value.yes ?? value.classes.map((one) => one.label);
}

function round(value) {
  return Math.round(value * 100) / 100;
}
