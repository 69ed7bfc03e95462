// Photos that come and answers that go. The next photos are here before they are needed, and
// answers are sent behind the reader's back, so that nobody waits; what is not saved yet is told.

import { Refused, ask } from "./server.js";

const AHEAD = 4;
const BEAT = 40_000;
export const AGAIN = 2_000;
const MOST_HELD = 32;

/** Whether no server answered, or one that is ill: it may come back. */
export const isAway = (error) =>
  error instanceof Refused && (error.status === 0 || error.status >= 500);

export class Queue {
  /**
   * @param {string} annotator who answers
   * @param {{progress: Function, unsaved: Function, conflict: Function, refused: Function}} tell
   *   called with the round's progress; with how many answers are not saved yet, and why; with an
   *   answer that came second, to decide what becomes of it; with one that the server did not take
   */
  constructor(annotator, tell) {
    this.annotator = annotator;
    this.tell = tell;
    this.waiting = [];
    this.current = null;
    this.skippedOnes = false;
    // The rank of the last one of them that came in this turn: the next ones lie behind it.
    this.behind = -1;
    this.outbox = Promise.resolve();
    this.unsaved = 0;
    // Numbers of photos whose answers are on their way: nobody is to be asked about them.
    this.sending = new Set();
    this.filling = null;
    this.timer = setInterval(() => this.#beat(), BEAT);
  }

  close() {
    clearInterval(this.timer);
    for (const photo of [this.current, ...this.waiting]) photo?.forget();
  }

  /** The next photo, or nothing where none is left for this person. */
  async next() {
    this.current?.forget();
    this.current = null;
    if (this.waiting.length === 0) await this.fill();
    this.current = this.waiting.shift() ?? null;
    if (this.current === null) this.#asBefore();
    this.fill().catch(() => {});
    return this.current;
  }

  /** The turn through those that were passed over has ended: what comes is new again. */
  #asBefore() {
    this.skippedOnes = false;
    this.behind = -1;
  }

  /** Have the next photos come. */
  fill() {
    this.filling ??= this.#fill().finally(() => {
      this.filling = null;
    });
    return this.filling;
  }

  async #fill() {
    const count = AHEAD - this.waiting.length;
    if (count <= 0) return;
    const again = this.skippedOnes;
    const behind = again ? this.behind : -1;
    const said = await this.#ask("next", { count, held: this.#held(), again, behind });
    this.tell.progress(said.progress);
    for (const item of said.items) {
      this.waiting.push(new Photo(item));
      if (again) this.behind = item.rank;
    }
  }

  #held() {
    const here = [this.current, ...this.waiting].filter(Boolean).map((photo) => photo.item.item);
    return [...here, ...this.sending].slice(0, MOST_HELD);
  }

  #beat() {
    const held = this.#held();
    if (held.length) this.#ask("next", { count: 0, held, again: false }).catch(() => {});
  }

  /** Send an answer; nothing waits for it. No answers: the photo is passed over. */
  send(item, answers, seconds) {
    this.unsaved += 1;
    this.sending.add(item.item);
    const said = { item: item.item, revision: item.revision, answers, seconds };
    this.outbox = this.outbox.then(() => this.#deliver(item, said)).then(() => {
      this.unsaved -= 1;
      this.sending.delete(item.item);
      this.tell.unsaved(this.unsaved, null);
    });
    return this.outbox;
  }

  async #deliver(item, said) {
    for (;;) {
      try {
        const kept = await this.#ask("answers", said);
        this.tell.progress(kept.progress);
        return;
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        if (error.status === 409) {
          if (!(await this.tell.conflict(item, error, said.answers))) return;
          said.revision = error.details.revision;
        } else if (error.status >= 400 && error.status < 500) {
          this.tell.refused(item, error);
          return;
        } else {
          this.tell.unsaved(this.unsaved, error);
          await new Promise((resolve) => setTimeout(resolve, AGAIN));
        }
      }
    }
  }

  /** Take back what was said last: that photo comes first, the present one after it. */
  async undo() {
    await this.outbox;
    const item = await this.#ask("undo", {});
    this.tell.progress(item.progress);
    if (this.current) this.waiting.unshift(this.current);
    this.current = new Photo(item);
    return this.current;
  }

  /** Go through those that were passed over. */
  again() {
    this.skippedOnes = true;
    this.behind = -1;
    return this.next();
  }

  #ask(what, said) {
    return ask(`v1/review/${what}`, { method: "POST", json: { annotator: this.annotator, ...said } });
  }
}

/** A photo: what the server says of it, and its file, which is on its way. */
class Photo {
  constructor(item) {
    this.item = item;
    // What somebody is about to say of it.
    this.answer = null;
    this.url = null;
    this.gone = false;
    this.loaded = this.#load();
    // Whoever shows it says what is wrong; nobody else need hear of it.
    this.loaded.catch(() => {});
  }

  async #load() {
    const file = await this.#file();
    const url = URL.createObjectURL(file);
    if (this.gone) URL.revokeObjectURL(url);
    else this.url = url;
    const image = new Image();
    image.src = url;
    await image.decode();
    return url;
  }

  /** Its bytes; while the server is away, they are asked for again. */
  async #file() {
    for (;;) {
      try {
        return await ask(`v1/review/pictures/${this.item.item}`, { as: "blob" });
      } catch (error) {
        if (this.gone || !isAway(error)) throw error;
        await new Promise((resolve) => setTimeout(resolve, AGAIN));
      }
    }
  }

  forget() {
    this.gone = true;
    if (this.url) URL.revokeObjectURL(this.url);
  }
}
