// Questions to the server that this page came from, and nobody else.

import { element } from "./dom.js";
import { hasWord, word } from "./words.js";

const KEPT = "lapel.token";
const TRIES = 8;
const LONGEST_WAIT = 15;

/** The server's no: its status (0: no answer at all), a code, and a message for people. */
export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** A refusal in the reader's language, where there are words for its code; else the server's own. */
export function inWords(refused) {
  return hasWord(`code_${refused.code}`) ? word(`code_${refused.code}`) : refused.message;
}

/**
 * Ask, and read the answer: as JSON, unless told otherwise.
 *
 * A server that is busy or still loading says when to come back, and is asked again then. One that
 * wants a token makes the reader enter it, which is kept until the tab is closed.
 *
 * @param {string} path relative to the page, as `v1/predict`
 * @param {{method?: string, body?: BodyInit, json?: unknown, type?: string, signal?: AbortSignal,
 *   onWait?: () => void, as?: "json" | "blob"}} options a body with its type, or a value that becomes
 *   JSON; and how the answer is read
 * @throws {Refused} when the server says no, or nothing
 */
export async function ask(path, options = {}) {
  for (let tries = 1; ; tries += 1) {
    const asked = sessionStorage.getItem(KEPT);
    const response = await send(path, options);
    if (response.ok) return response.status === 204 ? null : response[options.as ?? "json"]();
    const refused = await reason(response);
    if (response.status === 401) await newToken(asked);
    else if (![429, 503].includes(response.status) || tries === TRIES) throw refused;
    else {
      options.onWait?.();
      await pause(waitOf(response, tries), options.signal);
    }
  }
}

async function send(path, { method = "GET", body, json, type, signal }) {
  const headers = { Accept: "application/json" };
  const token = sessionStorage.getItem(KEPT);
  if (token) headers.Authorization = `Bearer ${token}`;
  if (json !== undefined) headers["Content-Type"] = "application/json";
  else if (type) headers["Content-Type"] = type;
  const content = json === undefined ? body : JSON.stringify(json);
  try {
    return await fetch(path, { method, headers, body: content, signal, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, "no_answer", word("no_answer"));
  }
}

async function reason(response) {
  try {
    const { code, message, ...more } = (await response.json()).error;
    const refused = new Refused(response.status, code, message);
    refused.details = more;
    return refused;
  } catch {
    return new Refused(response.status, "unknown", `${response.status} ${response.statusText}`);
  }
}

function waitOf(response, tries) {
  const told = Number(response.headers.get("Retry-After"));
  return Math.min(LONGEST_WAIT, told > 0 ? told : 2 ** (tries - 2));
}

/** Seconds go by; a signal ends them early, with its error. */
function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

let entering = null;

/** Have the reader enter a token; several questions that wait for one share the dialog. */
function newToken(refused) {
  // Another question got a new one while this one was on its way.
  if (sessionStorage.getItem(KEPT) !== refused) return Promise.resolve();
  entering ??= enter(refused !== null).finally(() => {
    entering = null;
  });
  return entering;
}

function enter(wrong) {
  const field = element("input", {
    type: "password",
    id: "token",
    autocomplete: "current-password",
    spellcheck: "false",
    required: true,
  });
  const dialog = element(
    "dialog",
    { "aria-labelledby": "token-title" },
    element(
      "form",
      { method: "dialog" },
      element("h2", { id: "token-title" }, word("token_title")),
      element("p", { class: "soft" }, word("token_why")),
      wrong ? element("p", { class: "notice bad", role: "alert" }, word("token_wrong")) : null,
      element("label", { for: "token" }, word("token")),
      field,
      element("div", { class: "row" }, element("button", { class: "main" }, word("token_use"))),
    ),
  );
  document.body.append(dialog);
  return new Promise((resolve) => {
    // Nothing can be asked without one, so that Escape does not lead anywhere.
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    dialog.addEventListener("close", () => {
      sessionStorage.setItem(KEPT, field.value.trim());
      dialog.remove();
      resolve();
    });
    dialog.showModal();
  });
}
