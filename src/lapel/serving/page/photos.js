// The photos of this visit, and what the server says of each.

import { ask, Refused } from "./server.js";
import { word } from "./words.js";

// So many are on their way together: the server gathers them into one run of the network.
const TOGETHER = 4;
const MEGABYTE = 1e6;

/**
 * Photos in the order in which they came.
 *
 * A photo has `name`, `file`, `url` (to show it), `state` (`waiting`, `asking`, `done`, `failed`),
 * and then `prediction` or `error`, and `maps` once somebody asked for them.
 */
export class Photos {
  /** @param {(photo: object) => void} changed called after every change of a photo */
  constructor(changed) {
    this.all = [];
    this.model = null;
    this.largest = Infinity; // bytes that the server takes
    this.changed = changed;
    this.going = new AbortController();
    this.busy = 0;
  }

  /** Add files, and ask about them; the first of them. */
  add(files) {
    const added = files.map((file) => this.#added(file));
    this.#next();
    return added[0];
  }

  /** Forget all photos, and what was asked about them. */
  clear() {
    this.#stop();
    for (const photo of this.all) URL.revokeObjectURL(photo.url);
    this.all = [];
  }

  /** Ask about a photo that failed once more. */
  again(photo) {
    this.#wait(photo);
    this.#next();
  }

  /** Ask about all of them anew, as after another model was chosen. */
  allAgain() {
    this.#stop();
    this.all.forEach((photo) => this.#wait(photo));
    this.#next();
  }

  /** Have the maps of a photo, asking for them the first time. */
  async mapsOf(photo) {
    if (photo.maps !== null) return photo.maps;
    const { signal } = this.going;
    const maps = (await this.#send(photo, { maps: true })).maps ?? {};
    signal.throwIfAborted();
    photo.maps = maps;
    return maps;
  }

  /** How many are through, with or without an answer. */
  get done() {
    return this.all.filter((photo) => ["done", "failed"].includes(photo.state)).length;
  }

  /** How many of them got no answer. */
  get failed() {
    return this.all.filter((photo) => photo.state === "failed").length;
  }

  #stop() {
    this.going.abort(new DOMException("nobody waits for it", "AbortError"));
    this.going = new AbortController();
  }

  #wait(photo) {
    Object.assign(photo, { state: "waiting", prediction: null, maps: null, error: null });
    this.changed(photo);
  }

  #added(file) {
    const photo = {
      file,
      name: this.#ownName(file.name),
      url: URL.createObjectURL(file),
      state: "waiting",
      prediction: null,
      maps: null,
      error: null,
    };
    this.all.push(photo);
    return photo;
  }

  /** Two photos of one name would be one in the table. */
  #ownName(name) {
    const taken = new Set(this.all.map((photo) => photo.name));
    const given = name || "photo";
    let [own, number] = [given, 1];
    while (taken.has(own)) {
      number += 1;
      own = given.replace(/(\.[^.]*)?$/, (ending) => ` (${number})${ending}`);
    }
    return own;
  }

  #next() {
    while (this.busy < TOGETHER) {
      const photo = this.all.find((each) => each.state === "waiting");
      if (photo === undefined) return;
      this.busy += 1;
      this.#answer(photo).finally(() => {
        this.busy -= 1;
        this.#next();
      });
    }
  }

  async #answer(photo) {
    photo.state = "asking";
    this.changed(photo);
    try {
      photo.prediction = await this.#send(photo, {});
      photo.state = "done";
    } catch (error) {
      if (error.name === "AbortError") return;
      photo.error = error instanceof Refused ? error : new Refused(0, "fault", String(error));
      photo.state = "failed";
    }
    this.changed(photo);
  }

  async #send(photo, { maps = false }) {
    const most = this.largest;
    if (photo.file.size > most) {
      const [found, allowed] = [photo.file.size, most].map((size) => (size / MEGABYTE).toFixed(1));
      throw new Refused(413, "no_room", word("too_many_bytes", { found, most: allowed }));
    }
    const query = new URLSearchParams({ outlines: "true", maps: String(maps) });
    if (this.model !== null) query.set("model", this.model);
    // Of now: once the file is read, another model may have been chosen.
    const { signal } = this.going;
    const body = await bytesOf(photo.file);
    signal.throwIfAborted();
    const answer = await ask(`v1/predict?${query}`, {
      method: "POST",
      body,
      // Of another kind of file the server says by its bytes what it is, in words for people.
      type: photo.file.type.startsWith("image/") ? photo.file.type : "application/octet-stream",
      signal,
      onWait: () => this.changed(photo, "waiting"),
    });
    return answer.predictions[0];
  }
}

/** All of a file's bytes: a folder that was dropped has none, and a photo may have been moved. */
async function bytesOf(file) {
  try {
    return await file.arrayBuffer();
  } catch {
    throw new Refused(0, "no_file", word("no_file"));
  }
}

