// What the server says of its model.

import { element, found } from "./dom.js";
import { named, word } from "./words.js";

/** Show a model's name, tasks and card; null: nothing is known of it. */
export function showAbout(model) {
  found("about").hidden = model === null;
  if (model === null) return;
  const entry = (name, ...content) => [element("dt", {}, word(name)), element("dd", {}, ...content)];
  const entries = [
    ...entry("about_name", model.model ?? ""),
    ...entry("about_tasks", tasks([...(model.detector?.schema ?? []), ...(model.schema ?? [])])),
    ...(model.preprocess ? entry("about_size", word("pixels", model.preprocess)) : []),
    ...(model.engine ? entry("about_engine", model.engine) : []),
    ...entry("about_fingerprint", model.fingerprint ?? ""),
  ];
  const card = model.card ? [element("h3", {}, word("about_card")), element("pre", {}, model.card)] : [];
  found("about-text").replaceChildren(element("dl", {}, ...entries), ...card);
}

function tasks(schema) {
  const lines = schema.map((task) =>
    element("li", {}, `${named(task.name)}: ${word("about_labels", { count: task.labels.length })}`),
  );
  return element("ul", {}, ...lines);
}
