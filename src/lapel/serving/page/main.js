// The main page: photos in, answers out.

import { showAbout } from "./about.js";
import { inShort } from "./answers.js";
import { element, found } from "./dom.js";
import { takeFiles } from "./intake.js";
import { List } from "./list.js";
import { Photos } from "./photos.js";
import { ask, inWords } from "./server.js";
import { Viewer } from "./viewer.js";
import { languageButton, loadWords, onLanguage, percent, useGlossary, word } from "./words.js";

const photos = new Photos(changed);
const viewer = new Viewer(photos);
const list = new List(photos, show);
let current = null;
let about = null;

function show(photo) {
  current = photo;
  viewer.show(photo);
  list.select(photo);
}

function showAll(photo) {
  show(photo);
  list.refresh(photo);
  found("drop").classList.toggle("done", photos.all.length > 0);
  titleOfDrop();
}

function titleOfDrop() {
  const key = photos.all.length > 0 ? "drop_more" : "drop_title";
  found("drop-title").dataset.word = key;
  found("drop-title").textContent = word(key);
}

function changed(photo, note = null) {
  if (photo === current) viewer.refresh();
  list.update(photo, current);
  if (note !== null) say(word(note));
  else if (["done", "failed"].includes(photo.state)) say(told(photo));
}

/** What screen readers say when an answer has come. */
function told(photo) {
  const { all, done, failed } = photos;
  const key = failed > 0 ? "answered_but" : "answered_many";
  if (all.length > 1) return word(key, { done: done - failed, count: all.length, failed });
  return word("answered_one", { name: photo.name, said: briefly(photo) });
}

function briefly(photo) {
  if (photo.state === "failed") return inWords(photo.error);
  const { prediction } = photo;
  const answers = "garments" in prediction ? { garments: prediction } : prediction.answers;
  const short = ([label, share]) => (share === null ? label : `${label} ${percent(share)}`);
  const said = ([task, answer]) => `${task} ${inShort(answer).map(short).join(", ")}`;
  return Object.entries(answers).map(said).join("; ");
}

function say(text) {
  found("status").textContent = text;
}

function take(files) {
  if (files.length === 0) return;
  const first = photos.add(files);
  showAll(first);
  found("result").scrollIntoView({ block: "nearest" });
}

async function chooseModel(name) {
  photos.model = name;
  let described;
  try {
    described = await ask(`v1/model?${new URLSearchParams(name === null ? {} : { model: name })}`);
  } catch (error) {
    trouble(inWords(error));
    return;
  }
  if (photos.model !== name) return; // another one was chosen meanwhile
  about = described;
  photos.largest = about.limits?.picture_bytes ?? Infinity;
  viewer.maps = about.maps ?? [];
  viewer.thresholds = about.thresholds ?? {};
  list.schema = about.schema ?? [];
  useGlossary(about.english ?? {});
  found("only-model").textContent = about.model ?? "";
  showAbout(about);
  if (photos.all.length > 0) photos.allAgain();
}

async function listModels() {
  const { models } = await ask("v1/models");
  const names = models.map((each) => each.model);
  const select = found("model");
  select.replaceChildren(...names.map((name) => element("option", { value: name }, name)));
  select.addEventListener("change", () => chooseModel(select.value));
  found("models").hidden = names.length < 2;
  found("only-model").hidden = names.length > 1;
  await chooseModel(names[0] ?? null);
}

function trouble(message) {
  found("trouble").hidden = false;
  found("trouble").textContent = message;
}

function clear() {
  photos.clear();
  showAll(null);
  say("");
  found("choose").focus();
}

async function start() {
  await loadWords("words.json");
  languageButton(found("language"));
  onLanguage(() => {
    viewer.refresh();
    list.refresh(current);
    showAbout(about);
  });
  found("clear").addEventListener("click", clear);
  try {
    await listModels();
  } catch (error) {
    trouble(inWords(error));
  }
}

const started = start();
// What is dropped before the page is ready is not lost.
takeFiles((files) => started.then(() => take(files)));
