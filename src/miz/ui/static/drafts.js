// What somebody has typed is never lost: kept in this tab until the server has confirmed it.
import * as application from "./application.js";

const key = (form) => `miz.draft.${document.body.dataset.user}.${form.dataset.draft}`;
const fieldsOf = (form) => [...form.elements].filter((field) => field.name && (field.type !== "hidden" || field.dataset.keep !== undefined) && field.type !== "password");
const forms = (within = document) => [...within.querySelectorAll("form[data-draft]")];

const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

function valueOf(field) {
  return field.type === "radio" || field.type === "checkbox" ? field.checked : field.value;
}

function isChanged(form) {
  return fieldsOf(form).some((field) => (typeof valueOf(field) === "boolean" ? field.checked !== field.defaultChecked : field.tagName !== "SELECT" && field.value !== field.defaultValue));
}

/** Whether somebody is at work in this region. */
export function isBusy(region) {
  if (region.querySelector("[data-editing], .htmx-request")) return true;
  return forms(region).concat(region.matches("form[data-draft]") ? [region] : []).some((form) => isChanged(form) || form.dataset.pending);
}

export function keep(form) {
  const values = Object.fromEntries(fieldsOf(form).map((field, place) => [`${field.name}.${place}`, valueOf(field)]));
  if (isChanged(form)) sessionStorage.setItem(key(form), JSON.stringify({ values, idempotencyKey: form.elements.idempotency_key?.value }));
  else sessionStorage.removeItem(key(form));
}

function restore(form) {
  const stored = sessionStorage.getItem(key(form));
  if (!stored || isChanged(form)) return;
  const { values, idempotencyKey } = JSON.parse(stored);
  fieldsOf(form).forEach((field, place) => {
    const value = values[`${field.name}.${place}`];
    if (typeof value === "boolean") field.checked = value;
    else if (value !== undefined) field.value = value;
  });
  if (idempotencyKey && form.elements.idempotency_key) form.elements.idempotency_key.value = idempotencyKey;
  form.dispatchEvent(new CustomEvent("miz:restored", { bubbles: true }));
}

export const restoreAll = () => forms().forEach(restore);

// Who takes over the window by PIN goes on with what was typed in it; everybody else finds only what is their own.
const HAND_OVER = "miz.hand-over";
document.addEventListener("submit", (event) => {
  if (event.target.matches("form[data-hand-over]")) sessionStorage.setItem(HAND_OVER, document.body.dataset.user);
});
function takeOverDrafts() {
  const [from, to] = [sessionStorage.getItem(HAND_OVER), document.body.dataset.user];
  sessionStorage.removeItem(HAND_OVER);
  if (!from || !to || from === to) return;
  const prefix = `miz.draft.${from}.`;
  for (const name of Object.keys(sessionStorage).filter((stored) => stored.startsWith(prefix))) {
    sessionStorage.setItem(`miz.draft.${to}.${name.slice(prefix.length)}`, sessionStorage.getItem(name));
    sessionStorage.removeItem(name);
  }
}
takeOverDrafts();

document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (!form?.dataset.draft) return;
  // Another content is another entry: it gets a key of its own.
  if (form.dataset.sent && form.elements.idempotency_key) {
    form.elements.idempotency_key.value = newKey();
    delete form.dataset.sent;
    delete form.dataset.pending;
  }
  keep(form);
  tellServer(form);
});
document.addEventListener("htmx:load", restoreAll);

document.addEventListener("htmx:beforeRequest", (event) => {
  const form = event.detail.elt;
  if (!form.matches?.("form[data-draft]")) return;
  keep(form);
  form.dataset.sent = "1";
});
document.addEventListener("htmx:beforeSwap", (event) => {
  const sender = event.detail.requestConfig.elt;
  if (event.detail.xhr.status !== 200) return;
  // A dialog may settle what another form began.
  const form = sender.dataset?.settles ? document.querySelector(`form[data-draft="${sender.dataset.settles}"]`) : sender;
  if (!form?.matches?.("form[data-draft]")) return;
  // What was typed since it was sent is kept.
  if (form === sender && !form.dataset.sent) return;
  sessionStorage.removeItem(key(form));
  form.reset();
  tellServer(form);
});
document.addEventListener("htmx:sendError", (event) => {
  const form = event.detail.elt;
  if (form.matches?.("form[data-draft], form[data-repeat]")) form.dataset.pending = String(Date.now());
});

/** Send what did not get through, with its old key: what had arrived after all is not stored twice. */
export function sendAgain({ olderThanMs = 0 } = {}) {
  for (const form of document.querySelectorAll("form[data-pending]")) {
    if (Date.now() - Number(form.dataset.pending) < olderThanMs) continue;
    delete form.dataset.pending;
    form.requestSubmit();
  }
}

// --- what is typed is kept on the server too, while this window has the patient open: the next one may take it up ------------

const PAUSE_MS = 1_000;
const untold = new Map();

function tellServer(form) {
  const live = document.getElementById("live");
  if (live?.dataset.lock !== "mine") return;
  tellLater(form.dataset.draft.split("/").at(-1), live.dataset.patient, isChanged(form) ? typed(form) : {});
}

function tellLater(name, patient, fields) {
  clearTimeout(untold.get(name)?.timer);
  untold.set(name, { patient, fields, timer: setTimeout(() => tell(name), PAUSE_MS) });
}

function typed(form) {
  const said = fieldsOf(form).filter((field) => (field.type === "radio" || field.type === "checkbox" ? field.checked : field.value));
  return Object.fromEntries(said.map((field) => [field.name, field.value]));
}

function tell(name) {
  const { patient, fields, timer } = untold.get(name);
  clearTimeout(timer);
  untold.delete(name);
  const headers = { "Content-Type": "application/json", "Miz-Application": application.currentId() };
  const body = JSON.stringify({ fields });
  const address = `/api/v1/patients/${patient}/drafts/${encodeURIComponent(name)}`;
  // A server that is busy or silent hears it again, unless more was typed since.
  const again = () => untold.has(name) || tellLater(name, patient, fields);
  fetch(address, { method: "PUT", keepalive: true, headers, body }).then(({ status }) => (status === 429 || status >= 500) && again(), again);
}

/** Nothing waits: the patient is being closed, or has been taken over. */
export const tellAll = () => [...untold.keys()].forEach(tell);
document.addEventListener("miz:lease", tellAll);
addEventListener("pagehide", tellAll);

// A draft of somebody else goes into the form it was typed into, opened first where it is a line of a list.
let taking = null;
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-take-draft]");
  if (!button) return;
  taking = { name: button.dataset.takeDraft, fields: JSON.parse(button.dataset.fields), discard: button.form };
  if (!fill()) document.getElementById(taking.name.replace("edit-", "row-"))?.click();
});
document.addEventListener("htmx:load", () => taking && fill());

function fill() {
  const form = forms().find((found) => found.dataset.draft.split("/").at(-1) === taking.name);
  if (!form) return false;
  const { fields, discard } = taking;
  taking = null;
  for (const field of fieldsOf(form)) {
    if (field.type === "radio" || field.type === "checkbox") field.checked = fields[field.name] === field.value;
    else if (field.name in fields) field.value = fields[field.name];
  }
  form.dispatchEvent(new CustomEvent("miz:restored", { bubbles: true }));
  keep(form);
  tellServer(form);
  fieldsOf(form).find((field) => field.type !== "hidden")?.focus();
  discard.requestSubmit();
  return true;
}
