// What the page says, in the reader's language.
//
// Words are in JSON files: language, then key, then text. `{name}` in a text is filled in; a key
// that ends in `.one` or `.other` is chosen by `count`, as the language counts.

export const LANGUAGES = { en: "English", ko: "한국어" };
const KEPT = "lapel.language";

const texts = Object.fromEntries(Object.keys(LANGUAGES).map((code) => [code, {}]));
const listeners = [];
let current = "en";

/** Read files of words, later ones over earlier ones, and show the reader's language. */
export async function loadWords(...files) {
  for (const file of files) {
    const read = await (await fetch(new URL(file, import.meta.url))).json();
    for (const code of Object.keys(LANGUAGES)) Object.assign(texts[code], read[code]);
  }
  show(kept() ?? wanted());
}

function kept() {
  const code = localStorage.getItem(KEPT);
  return code in LANGUAGES ? code : null;
}

function wanted() {
  const codes = navigator.languages.map((language) => language.slice(0, 2).toLowerCase());
  return codes.find((code) => code in LANGUAGES) ?? "en";
}

/** The language that is shown. */
export function language() {
  return current;
}

/** Whether there is a text of this key. */
export function hasWord(key) {
  return key in texts[current];
}

/** A text in the language that is shown. */
export function word(key, values = {}) {
  const of = texts[current];
  const counted = `${key}.${new Intl.PluralRules(current).select(values.count ?? 0)}`;
  const text = of[key] ?? of[counted] ?? of[`${key}.other`] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
}

const glossary = new Map();

/** Take over names of tasks and labels in English, for models of another language. */
export function useGlossary(english) {
  glossary.clear();
  for (const [own, name] of Object.entries(english)) glossary.set(own, name);
}

/** What a task, a label or a landmark is called in the language that is shown. */
export function named(own) {
  return current === "en" ? (glossary.get(own) ?? own) : own;
}

/** A share from 0 to 1 as the language writes it. */
export function percent(share) {
  const form = { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 };
  return new Intl.NumberFormat(current, form).format(share);
}

/** Call this whenever the language changes. */
export function onLanguage(listener) {
  listeners.push(listener);
}

/** Show another language, and keep it for the next visit. */
export function choose(code) {
  localStorage.setItem(KEPT, code);
  show(code);
}

function show(code) {
  current = code;
  document.documentElement.lang = code;
  translate(document);
  for (const listener of listeners) listener();
}

/** Fill in what `data-word` (text) and `data-word-label` (for screen readers) name. */
export function translate(root) {
  for (const each of root.querySelectorAll("[data-word]")) each.textContent = word(each.dataset.word);
  for (const each of root.querySelectorAll("[data-word-label]")) {
    each.setAttribute("aria-label", word(each.dataset.wordLabel));
  }
}

/** A button that shows the next language, named in that language. */
export function languageButton(button) {
  const codes = Object.keys(LANGUAGES);
  const next = () => codes[(codes.indexOf(current) + 1) % codes.length];
  const name = () => {
    button.textContent = LANGUAGES[next()];
    button.lang = next();
  };
  button.addEventListener("click", () => choose(next()));
  onLanguage(name);
  name();
}
