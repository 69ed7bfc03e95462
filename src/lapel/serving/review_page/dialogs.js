// What is asked or shown over the page: who answers, the keys, how it goes, and who came first.

import { LABEL_KEYS } from "./answer.js";
import { element } from "./dom.js";
import { inShort } from "./panel.js";
import { ask } from "./server.js";
import { percent, word } from "./words.js";

let number = 0;

/**
 * Open a dialog; gives the value of the button that closed it, empty for Escape. One that comes
 * unasked has no button under the next key, which was meant for the page.
 */
function open(title, content, buttons, { closable = true, unasked = false } = {}) {
  const id = `dialog-${(number += 1)}`;
  const read = unasked ? { tabindex: "-1", autofocus: true } : {};
  const dialog = element(
    "dialog",
    { "aria-labelledby": id },
    element(
      "form",
      { method: "dialog" },
      element("h2", { id, ...read }, title),
      ...content,
      element("div", { class: "row" }, ...buttons),
    ),
  );
  document.body.append(dialog);
  return new Promise((resolve) => {
    if (!closable) dialog.addEventListener("cancel", (event) => event.preventDefault());
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
    dialog.showModal();
  });
}

function button(value, text, attributes = {}) {
  return element("button", { value, ...attributes }, text);
}

/** Whether a dialog is open, so that keys are not for the page. */
export function isOpen() {
  return document.querySelector("dialog[open]") !== null;
}

/** Ask who answers. */
export async function askName(present) {
  const field = element("input", {
    type: "text",
    id: "annotator",
    autocomplete: "username",
    maxlength: "64",
    pattern: ".*\\S.*",
    required: true,
    value: present,
  });
  const label = element("label", { for: "annotator" }, word("your_name"));
  const why = element("p", { class: "soft" }, word("name_why"));
  const use = button("use", word("name_use"), { class: "main" });
  const said = await open(word("who"), [why, label, field], [use], { closable: present !== "" });
  return said === "use" ? field.value.trim() : present;
}

/** Show the keys. */
export function showKeys() {
  const keys = [
    [`${LABEL_KEYS.slice(0, 3).split("").join(" ")} … ${LABEL_KEYS.slice(10, 12).toUpperCase().split("").join(" ")} …`, "key_label"],
    ["Enter", "key_confirm"],
    ["S", "key_pass"],
    ["U · Ctrl+Z", "key_undo"],
    ["[ · ]", "key_task"],
    ["/", "key_find"],
    ["← ↑ → ↓", "key_move"],
    ["V", "key_turn"],
    ["X", "key_remove"],
    ["+ · − · Home", "key_zoom"],
  ];
  const rows = keys.map(([key, text]) =>
    element("tr", {}, element("th", { scope: "row" }, element("kbd", {}, key)), element("td", {}, word(text))),
  );
  return open(word("keys"), [element("table", { class: "keys" }, ...rows)], [close()]);
}

function close() {
  return button("close", word("close"));
}

/**
 * Somebody answered first: show the photo, what they said, and what is to be sent. True: this answer
 * is to stand in its place.
 */
export async function askConflict(tasks, item, refused, mine) {
  const said = refused.details.standing ?? [];
  const who = said.map((one) => one.annotator).join(", ") || word("somebody");
  const photo = element("img", { class: "asked", alt: item.image, hidden: true });
  const content = [
    element("p", {}, word("conflict_text", { who, image: item.image })),
    photo,
    ...said.map((one) =>
      opinion(one.annotator, tasks, (task) => one.answers[task.name]?.value),
    ),
    opinion(word("conflict_yours"), tasks, (task) => mine[task.name]),
  ];
  const buttons = [
    button("theirs", word("conflict_theirs"), { class: "main" }),
    button("mine", word("conflict_mine")),
  ];
  const shown = showPhoto(photo, item.item);
  const chosen = await open(word("conflict"), content, buttons, { unasked: true, closable: false });
  shown.then((url) => url && URL.revokeObjectURL(url));
  return chosen === "mine";
}

/** What one person says, a line a question; nothing at all is a photo that was passed over. */
function opinion(name, tasks, valueOf) {
  const lines = tasks
    .filter((task) => valueOf(task) !== undefined)
    .map((task) =>
      element("li", {}, element("strong", {}, name), ` · ${task.name}: ${inShort(task, valueOf(task))}`),
    );
  const none = element("li", {}, element("strong", {}, name), ` · ${word("passed_over")}`);
  return element("ul", { class: "lines" }, ...(lines.length ? lines : [none]));
}

/** Show the photo in question; where it does not come, the words have to do. */
async function showPhoto(image, number) {
  try {
    const url = URL.createObjectURL(await ask(`v1/review/pictures/${number}`, { as: "blob" }));
    image.src = url;
    await image.decode();
    image.hidden = false;
    return url;
  } catch {
    return null;
  }
}

/** Show what is done, by whom, how much was taken as proposed, and how far people agree. */
export async function showPeople() {
  const content = element("div", { class: "people" });
  const refresh = async () => content.replaceChildren(...tables(await ask("v1/review/progress")));
  const failed = (error) => content.replaceChildren(element("p", { class: "notice bad" }, error.message));
  await refresh().catch(failed);
  const timer = setInterval(() => refresh().catch(failed), 5000);
  await open(word("people"), [content], [close()]);
  clearInterval(timer);
}

function tables({ total, done, people, tasks, agreement }) {
  return [
    element("p", {}, word("done_of", { done, total })),
    table(
      ["person", "answered", "passed_over"],
      people.map((one) => [one.name, one.answered, one.skipped]),
    ),
    table(
      ["question", "accepted", "mended"],
      tasks.map((one) => [
        one.task,
        one.accepted === null ? "–" : percent(one.accepted),
        `${one.mended} / ${one.confirmed + one.mended}`,
      ]),
    ),
    table(
      ["question", "agreement", "observed", "shared"],
      agreement
        .filter((one) => one.items > 0)
        .map((one) => [
          one.task,
          one.kappa === null ? "–" : `${one.kappa.toFixed(2)} (${word(one.people > 2 ? "fleiss" : "cohen")})`,
          one.observed === null ? "–" : percent(one.observed),
          one.items,
        ]),
    ),
  ].filter(Boolean);
}

function table(heads, rows) {
  if (!rows.length) return null;
  const cells = (row) => row.map((cell, place) => element(place ? "td" : "th", place ? {} : { scope: "row" }, String(cell)));
  return element(
    "table",
    {},
    element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, word(head))))),
    element("tbody", {}, ...rows.map((row) => element("tr", {}, ...cells(row)))),
  );
}
