// All photos as a table, to look through and to download.

import { inShort } from "./answers.js";
import { asCsv, rowsOf } from "./csv.js";
import { bitmapOf, thumbnail } from "./cutting.js";
import { element, found } from "./dom.js";
import { inWords } from "./server.js";
import { named, percent, word } from "./words.js";

// Thumbnails are decoded one after another: large photos take much memory while they are.
let decoding = Promise.resolve();

/** The table; a photo's row is made once and filled again when its answer comes. */
export class List {
  /**
   * @param {import("./photos.js").Photos} photos
   * @param {(photo: object) => void} choose called with the photo that is to be shown
   */
  constructor(photos, choose) {
    this.photos = photos;
    this.choose = choose;
    this.rows = new Map();
    this.tasks = [];
    this.schema = []; // of the model that answers
    this.current = null;
    found("download").addEventListener("click", () => this.download());
  }

  /** Show all photos anew. */
  refresh(current) {
    this.current = current;
    const { all } = this.photos;
    found("all").hidden = all.length === 0;
    found("all-title").textContent = word("photos", { count: all.length });
    this.#progress();
    const several = all.length > 1;
    found("table").hidden = !several;
    const kept = new Set(all);
    for (const photo of this.rows.keys()) if (!kept.has(photo)) this.rows.delete(photo);
    if (!several) return;
    this.tasks = tasksOf(all);
    const heads = [word("photo"), ...this.tasks.map((task) => (task === null ? word("garment") : named(task)))];
    const head = element("tr", {}, ...heads.map((name) => element("th", { scope: "col" }, name)));
    const rows = all.map((photo) => this.#row(photo));
    found("table").replaceChildren(
      element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)),
    );
  }

  /** Say which photo is shown above; the focus stays where it is. */
  select(photo) {
    this.current = photo;
    for (const [each, row] of this.rows) markCurrent(row, each === photo);
  }

  /** Show what is known now of one photo. */
  update(photo, current) {
    this.current = current;
    const there = this.rows.get(photo);
    // A first answer brings the columns.
    if (there === undefined || this.tasks.length !== tasksOf(this.photos.all).length) {
      this.refresh(current);
      return;
    }
    this.#progress();
    this.#fill(there, photo);
  }

  /** Hand the table to the reader, as a file. */
  download() {
    const rows = this.photos.all.flatMap((photo) => {
      if (photo.state === "done") return rowsOf(photo.name, photo.prediction, this.schema);
      return photo.state === "failed" ? [{ image: photo.name, error: inWords(photo.error) }] : [];
    });
    const url = URL.createObjectURL(new Blob([asCsv(rows)], { type: "text/csv" }));
    element("a", { href: url, download: "answers.csv" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }

  #progress() {
    const { all, done } = this.photos;
    const progress = found("progress");
    progress.max = Math.max(1, all.length);
    progress.value = done;
    progress.hidden = done === all.length;
    found("all").dataset.done = done;
    found("download").disabled = done === 0;
  }

  #row(photo) {
    let row = this.rows.get(photo);
    if (row === undefined) {
      const canvas = element("canvas", { class: "thumbnail", "aria-hidden": "true" });
      decoding = decoding.then(async () => {
        const bitmap = await bitmapOf(photo.file);
        if (bitmap !== null) thumbnail(canvas, bitmap);
        bitmap?.close();
      });
      const button = element("button", { type: "button", class: "photo" }, photo.name);
      button.addEventListener("click", () => this.choose(photo));
      row = element(
        "tr",
        {},
        element("th", { scope: "row" }, element("div", { class: "which" }, canvas, button)),
      );
      this.rows.set(photo, row);
    }
    this.#fill(row, photo);
    return row;
  }

  #fill(row, photo) {
    markCurrent(row, photo === this.current);
    row.dataset.state = photo.state;
    while (row.cells.length > 1) row.deleteCell(-1);
    row.append(...this.#cells(photo));
  }

  #cells(photo) {
    const span = Math.max(1, this.tasks.length);
    const whole = (text, name) => [element("td", { colspan: span, class: name }, text)];
    if (photo.state === "failed") return whole(inWords(photo.error), "failed");
    if (photo.state !== "done") {
      return whole(word(photo.state === "asking" ? "asking" : "state_waiting"), "soft");
    }
    return this.tasks.map((task) => element("td", {}, ...cellOf(photo.prediction, task)));
  }
}

function markCurrent(row, current) {
  if (current) row.setAttribute("aria-current", "true");
  else row.removeAttribute("aria-current");
}

/** The columns: the tasks of the first answer; null where two models find and read garments. */
function tasksOf(photos) {
  const first = photos.find((photo) => photo.state === "done");
  if (first === undefined) return [];
  return "garments" in first.prediction ? [null] : Object.keys(first.prediction.answers);
}

function cellOf(prediction, task) {
  const answer = task === null ? prediction : prediction.answers?.[task];
  if (answer === undefined) return [];
  return inShort(answer).map(([label, share]) => {
    if (share === null) return element("span", {}, label);
    const sure = element("span", { class: "number" }, percent(share));
    return element("span", { class: "pair" }, label, " ", sure);
  });
}
