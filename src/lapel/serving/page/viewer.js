// One photo: what is drawn over it, and the answers beside it.

import { answersOf, coloursOf } from "./answers.js";
import { paint } from "./attention.js";
import { bitmapOf, cutOut } from "./cutting.js";
import { element, found } from "./dom.js";
import { draw, groupsOf, MOST_NAMES } from "./overlay.js";
import { inWords } from "./server.js";
import { hasWord, word } from "./words.js";

const TINY = 160; // pixels below which a photo is enlarged without smoothing

/** Shows one of the photos. */
export class Viewer {
  /**
   * @param {import("./photos.js").Photos} photos
   */
  constructor(photos) {
    this.photos = photos;
    this.maps = []; // names of what the model can show of where it looked
    this.thresholds = {}; // task, then label: from which probability on it is a yes
    this.groups = [];
    this.photo = null;
    // Names of points are shown where they are few, until somebody says otherwise.
    this.shown = { points: true, names: null, outlines: true, boxes: true };
    this.map = null;
    this.off = new Set();
    this.marked = null;
    new ResizeObserver(() => this.#draw()).observe(found("stack"));
    found("photo").addEventListener("load", () => this.#sized());
    found("photo").addEventListener("error", () => {
      found("stack").hidden = true; // what is no photo has nothing to show
    });
  }

  /** Show a photo; null: none. */
  show(photo) {
    const other = photo !== this.photo;
    this.photo = photo;
    found("result").hidden = photo === null;
    if (photo === null) return;
    if (other) {
      this.marked = null;
      this.bitmap = null;
      found("photo").src = photo.url;
      found("photo").alt = photo.name;
    }
    found("photo-name").textContent = photo.name;
    this.refresh();
  }

  /** Show what is known now of the same photo. */
  refresh() {
    const { photo } = this;
    if (photo === null) return;
    const prediction = photo.state === "done" ? photo.prediction : null;
    this.groups = prediction === null ? [] : groupsOf(prediction);
    this.colours = prediction === null ? new Map() : coloursOf(prediction);
    this.off = new Set(this.groups.filter((group) => group.ground).map((group) => group.key));
    found("photo-size").textContent = prediction === null ? "" : word("pixels", prediction);
    found("answers").replaceChildren(...this.#said(prediction));
    found("answers").setAttribute("aria-busy", String(["waiting", "asking"].includes(photo.state)));
    this.#layers(prediction);
    this.#draw();
    this.#attention();
  }

  /** Whether a group is drawn. */
  turn(key, on) {
    if (on) this.off.delete(key);
    else this.off.add(key);
    this.#draw();
  }

  /** Make one group stand out; the same again: none. */
  mark(key) {
    this.marked = this.marked === key ? null : key;
    for (const button of found("answers").querySelectorAll("button.show")) {
      button.setAttribute("aria-pressed", String(button.dataset.group === this.marked));
    }
    this.#draw();
  }

  /** Cut a garment out, onto a canvas. */
  async cut(canvas, garment) {
    const { photo } = this;
    this.bitmap ??= bitmapOf(photo.file);
    const bitmap = await this.bitmap;
    if (bitmap !== null && photo === this.photo) cutOut(canvas, bitmap, garment);
  }

  #said(prediction) {
    const { photo } = this;
    if (prediction !== null) return answersOf(prediction, this);
    if (photo.state !== "failed") return [element("p", { class: "soft" }, word("asking"))];
    const again = element(
      "button",
      { type: "button", onclick: () => this.photos.again(photo) },
      word("again"),
    );
    const said = [
      element("h3", {}, word("failed_title")),
      element("p", { class: "notice bad" }, inWords(photo.error)),
      inWords(photo.error) === photo.error.message
        ? null
        : element("p", { class: "soft small", lang: "en" }, photo.error.message),
      element("div", { class: "row" }, again),
    ];
    return said.filter((part) => part !== null);
  }

  #layers(prediction) {
    const has = (test) => this.groups.some(test);
    const layers = [
      ["points", has((group) => group.points.length)],
      ["names", has((group) => group.points.length)],
      ["outlines", has((group) => group.outlines.length)],
      ["boxes", has((group) => group.box)],
    ];
    const boxes = layers
      .filter(([, there]) => there)
      .map(([name]) =>
        this.#check(`layer_${name}`, word(`layer_${name}`), this.#shown()[name], (on) => {
          this.shown[name] = on;
          this.#draw();
        }),
      );
    const maps = prediction === null || "garments" in prediction ? [] : this.maps;
    const looked = maps.map((name) =>
      this.#check(`map_${name}`, nameOfMap(name), this.map === name, (on) => {
        this.map = on ? name : null;
        // Two maps over each other could not be read.
        for (const other of looked) {
          const box = other.querySelector("input");
          box.checked = box.name === `map_${this.map}`;
        }
        this.#attention();
      }),
    );
    found("layers").replaceChildren(...boxes, ...looked);
    found("layers").hidden = boxes.length + looked.length === 0;
  }

  #check(name, text, on, changed) {
    const box = element("input", { type: "checkbox", name });
    box.checked = on;
    box.addEventListener("change", () => changed(box.checked));
    return element("label", { class: "check" }, box, text);
  }

  async #attention() {
    const canvas = found("attention");
    const { photo, map } = this;
    if (map === null || photo.state !== "done" || !this.maps.includes(map)) {
      canvas.hidden = true;
      return;
    }
    try {
      const maps = await this.photos.mapsOf(photo);
      if (photo !== this.photo || map !== this.map) return;
      canvas.hidden = !(map in maps);
      if (map in maps) await paint(canvas, maps[map]);
    } catch (error) {
      canvas.hidden = true;
      if (error.name !== "AbortError") found("answers").prepend(fault(error.message));
    }
  }

  #sized() {
    const photo = found("photo");
    found("stack").hidden = false;
    const [width, height] = [photo.naturalWidth, photo.naturalHeight];
    found("stack").style.setProperty("--ratio", String(width / height));
    photo.classList.toggle("tiny", Math.max(width, height) < TINY);
    this.#draw();
  }

  #draw() {
    const { photo } = this;
    if (photo === null) return;
    const prediction = photo.prediction ?? { width: 1, height: 1 };
    const unit = prediction.width / Math.max(1, found("stack").clientWidth);
    const shown = { ...this.#shown(), off: this.off, marked: this.marked };
    draw(found("overlay"), prediction, this.groups, shown, unit);
  }

  #shown() {
    const points = this.groups.flatMap((group) => group.points).length;
    return { ...this.shown, names: this.shown.names ?? points <= MOST_NAMES };
  }
}

const fault = (message) => element("p", { class: "notice bad", role: "alert" }, message);

/** What a map is called: `attention`, or `TASK.heatmaps`. */
function nameOfMap(name) {
  if (hasWord(`layer_${name}`)) return word(`layer_${name}`);
  return word("layer_heatmaps", { task: name.replace(/\.heatmaps$/, "") });
}
