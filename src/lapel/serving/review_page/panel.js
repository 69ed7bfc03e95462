// The questions about a photo, as a person answers them: labels with their keys, landmarks and
// garments one below another. What is chosen lies in an `Answer`; this shows it and changes it.

import { heldBy, keyOf, offered } from "./answer.js";
import { element } from "./dom.js";
import { colourOf } from "./overlay.js";
import { hasWord, percent, word } from "./words.js";

// So many labels of a long list are shown until somebody looks for others.
const SHOWN = 60;

export class Panel {
  /**
   * @param {HTMLElement} root takes the questions
   * @param {{picked: (task: object, label: string) => void, changed: () => void}} tell called when
   *   a label was chosen by hand, and when anything else was
   */
  constructor(root, tell) {
    this.root = root;
    this.tell = tell;
    this.answer = null;
    this.sought = "";
  }

  show(answer) {
    this.answer = answer;
    this.sought = "";
    this.draw();
  }

  draw() {
    const { tasks, active } = this.answer;
    const place = focused(this.root);
    this.root.replaceChildren(
      ...tasks.map((task, number) => this.#task(task, number, number === active)),
    );
    restore(this.root, place);
  }

  /** Begin to look for a label of a long list. */
  find() {
    this.root.querySelector("input[type=search]")?.focus();
  }

  #task(task, number, active) {
    const body = active ? this.#body(task) : [];
    return element(
      "section",
      { class: active ? "task active" : "task", "data-task": task.name },
      this.#head(task, number, active),
      this.#standing(task),
      ...body,
    );
  }

  #head(task, number, active) {
    const { answer } = this;
    const value = answer.value(task);
    const state = this.#state(task);
    const name = element("span", { class: "task-name" }, task.name);
    const short = active ? null : element("span", { class: "short" }, inShort(task, value));
    const mark = state ? element("span", { class: `state ${state}` }, word(`state_${state}`)) : null;
    if (answer.tasks.length === 1) return element("h3", { class: "task-head" }, name, mark);
    const pressed = { "aria-expanded": String(active), "data-focus": `task ${number}` };
    const activate = () => {
      answer.activate(number);
      this.tell.changed();
    };
    return element(
      "h3",
      {},
      element("button", { type: "button", class: "task-head", ...pressed, onclick: activate }, name, short, mark),
    );
  }

  #state(task) {
    const { answer } = this;
    if (answer.value(task) === null) return "open";
    if ((answer.item.proposed[task.name] ?? null) === null) return "said";
    return answer.isProposed(task) ? "proposed" : "changed";
  }

  /** What the dataset says now, where that is something else than what is proposed. */
  #standing(task) {
    const { standing, proposed, likelihoods } = this.answer.item;
    const now = standing[task.name];
    if (now === undefined || !(task.name in likelihoods) || task.kind === "landmarks") return null;
    const said = heldBy(now).join(", ");
    if (said === heldBy(proposed[task.name]).join(", ")) return null;
    return element("p", { class: "small soft" }, word("stands", { label: said || word("none") }));
  }

  #body(task) {
    if (task.kind === "landmarks") return [this.#points(task), hint("hint_points")];
    if (task.kind === "garments") return [this.#garments(task), hint("hint_garments")];
    if (task.kind === "segmentation") return [this.#classes(task), hint("hint_classes")];
    return [this.#search(task), this.#labels(task), this.#none(task)];
  }

  #search(task) {
    if (offered(task, this.answer).length <= SHOWN) return null;
    const look = (event) => {
      this.sought = event.target.value.trim().toLowerCase();
      // The field stays: another one in its place would end what an input method is composing.
      event.target.parentElement.querySelector(".labels").replaceWith(this.#labels(task));
    };
    const take = (event) => {
      const [first] = this.#shown(task);
      if (event.key === "Enter" && !event.isComposing && this.sought && first) {
        event.preventDefault();
        event.stopPropagation();
        this.sought = "";
        this.tell.picked(task, first);
        this.root.querySelector("input[type=search]")?.blur();
      }
    };
    const about = { "aria-label": word("find"), placeholder: `${word("find")} ( / )` };
    return element("input", {
      type: "search",
      value: this.sought,
      "data-focus": "search",
      ...about,
      oninput: look,
      onkeydown: take,
    });
  }

  #shown(task) {
    const labels = offered(task, this.answer);
    if (!this.sought) return labels.slice(0, SHOWN);
    return labels.filter((label) => label.toLowerCase().includes(this.sought)).slice(0, SHOWN);
  }

  #labels(task) {
    const { answer } = this;
    const held = new Set(heldBy(answer.value(task)));
    const likely = answer.item.likelihoods[task.name] ?? {};
    const places = new Map(offered(task, answer).map((label, place) => [label, place]));
    const each = this.#shown(task).map((label) => {
      const key = keyOf(places.get(label));
      const share = likely[label];
      return element(
        "li",
        {},
        element(
          "button",
          {
            type: "button",
            class: "label",
            "aria-pressed": String(held.has(label)),
            "aria-keyshortcuts": key || null,
            "data-label": label,
            "data-focus": `label ${label}`,
            onclick: (event) => {
              leaveFocus(event);
              this.tell.picked(task, label);
            },
          },
          key ? element("kbd", {}, key.toUpperCase()) : null,
          element("span", { class: "label-name" }, label),
          share === undefined ? null : this.#share(share),
        ),
      );
    });
    const kinds = task.kind === "multi_label" ? "tags" : "one";
    return element("ul", { class: `labels ${kinds}`, "aria-label": task.name }, ...each);
  }

  #share(share) {
    const fill = element("span", {});
    fill.style.width = `${100 * share}%`;
    return [
      element("span", { class: "bar", "aria-hidden": "true" }, fill),
      element("span", { class: "number small soft" }, percent(share)),
    ];
  }

  #none(task) {
    if (task.kind !== "multi_label") return null;
    const value = this.answer.value(task);
    const none = value !== null && value.yes.length === 0;
    const say = (event) => {
      leaveFocus(event);
      this.answer.values[task.name] = { yes: [], unknown: [] };
      this.tell.changed();
    };
    const pressed = { "aria-pressed": String(none), "data-focus": "none", onclick: say };
    return element("button", { type: "button", class: "none small", ...pressed }, word("none_of_them"));
  }

  #points(task) {
    const { answer } = this;
    const rows = task.labels.map((name, place) => {
      const point = answer.point(task, name);
      const state = point?.state ?? "absent";
      const chosen = { "aria-pressed": String(answer.selected === name), "data-focus": `point ${name}` };
      const choose = (event) => {
        leaveFocus(event);
        answer.selected = name;
        this.tell.changed();
      };
      const turn = (event) => {
        leaveFocus(event);
        answer.selected = name;
        answer.turn(task, name);
        this.tell.changed();
      };
      return element(
        "li",
        { class: "line" },
        element(
          "button",
          { type: "button", class: "label", "data-label": name, ...chosen, onclick: choose },
          keyOf(place) ? element("kbd", {}, keyOf(place).toUpperCase()) : null,
          element("span", { class: "label-name" }, name),
        ),
        element(
          "button",
          { type: "button", class: `turn small ${state}`, "data-focus": `turn ${name}`, onclick: turn },
          word(`point_${state}`),
        ),
      );
    });
    return element("ul", { class: "lines", "aria-label": task.name }, ...rows);
  }

  #garments(task) {
    const { answer } = this;
    const scores = answer.item.likelihoods[task.name] ?? [];
    const rows = answer.garments[task.name].map((row, place) => {
      const choose = (event) => {
        if (event.target.closest("select, button")) return; // they choose by what they do
        answer.selected = place;
        this.tell.changed();
      };
      const keep = (event) => {
        leaveFocus(event);
        answer.selected = place;
        answer.keep(task, place, !row.kept);
        this.tell.changed();
      };
      const rename = (event) => {
        answer.selected = place;
        answer.rename(task, place, event.target.value);
        this.tell.changed();
      };
      const options = task.labels.map((label) =>
        element("option", { value: label, selected: label === row.garment.part }, label),
      );
      const dot = element("span", { class: "dot", "aria-hidden": "true" });
      dot.style.background = colourOf(place);
      const about = word("garment_is", { place: place + 1 });
      return element(
        "li",
        { class: `line${answer.selected === place ? " selected" : ""}${row.kept ? "" : " removed"}`, onclick: choose },
        element("kbd", {}, keyOf(place).toUpperCase()),
        dot,
        element(
          "select",
          { "aria-label": about, disabled: !row.kept, "data-focus": `part ${place}`, onchange: rename },
          ...options,
        ),
        element("span", { class: "number small soft" }, place in scores ? percent(scores[place]) : ""),
        element(
          "button",
          { type: "button", class: "small", "data-focus": `keep ${place}`, onclick: keep },
          word(row.kept ? "remove" : "restore"),
        ),
      );
    });
    if (!rows.length) return element("p", { class: "soft" }, word("no_garments"));
    return element("ul", { class: "lines", "aria-label": task.name }, ...rows);
  }

  #classes(task) {
    const { answer } = this;
    const shares = answer.item.likelihoods[task.name] ?? {};
    const rows = Object.entries(shares).map(([label, share]) => {
      const dot = element("span", { class: "dot", "aria-hidden": "true" });
      dot.style.background = colourOf(task.labels.indexOf(label));
      const number = element("span", { class: "number small soft" }, percent(share));
      return element("li", { class: "line" }, dot, element("span", {}, label), number);
    });
    const wrong = answer.value(task) === null;
    const leave = (event) => {
      leaveFocus(event);
      answer.leave(task);
      this.tell.changed();
    };
    const pressed = { "aria-pressed": String(wrong), "aria-keyshortcuts": "x", "data-focus": "wrong" };
    const button = { type: "button", class: "none small", ...pressed, onclick: leave };
    return element(
      "div",
      {},
      element("ul", { class: "lines", "aria-label": task.name }, ...rows),
      element("button", button, word("not_right"), element("kbd", {}, "X")),
    );
  }
}

/** A value in a few words. */
export function inShort(task, value) {
  if (value === null || value === undefined) return word("open");
  if (task.kind === "landmarks") {
    const seen = value.filter((one) => one.state === "visible").length;
    return word("points_seen", { seen, all: task.labels.length });
  }
  return heldBy(value).join(", ") || word("none");
}

function hint(key) {
  return hasWord(key) ? element("p", { class: "small soft" }, word(key)) : null;
}

/** After a click of the mouse Enter is to confirm, and not to press the same button again. */
function leaveFocus(event) {
  if (event.detail > 0) document.activeElement?.blur();
}

function focused(root) {
  const there = document.activeElement;
  if (!root.contains(there)) return null;
  return { key: there.dataset.focus, end: there.selectionEnd };
}

function restore(root, place) {
  if (!place?.key) return;
  const there = [...root.querySelectorAll("[data-focus]")].find((one) => one.dataset.focus === place.key);
  there?.focus({ preventScroll: true });
  if (there?.type === "search") there.setSelectionRange(place.end, place.end);
}
