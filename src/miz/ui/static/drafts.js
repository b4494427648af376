// What somebody has typed is never lost: kept in this tab until the server has confirmed it.
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
});
document.addEventListener("htmx:load", restoreAll);

document.addEventListener("htmx:beforeRequest", (event) => {
  const form = event.detail.elt;
  if (!form.matches?.("form[data-draft]")) return;
  keep(form);
  form.dataset.sent = "1";
});
document.addEventListener("htmx:beforeSwap", (event) => {
  const form = event.detail.requestConfig.elt;
  if (!form.matches?.("form[data-draft]") || event.detail.xhr.status >= 400) return;
  sessionStorage.removeItem(key(form));
  form.reset();
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
