// The questions of the anamnesis save themselves: a choice after a moment (the arrow keys pass over others), details when one leaves them.
const PAUSE_MS = 350;
const waiting = new WeakMap();
const formOf = (target) => target.closest?.("form[data-answer]");

document.addEventListener("change", (event) => {
  const form = formOf(event.target);
  if (form && event.target.type === "radio") sendSoon(form);
});
// An answer that was being given while the page's parts were renewed stands in the new ones, not yet sent.
document.addEventListener("miz:restored", (event) => formOf(event.target) && sendSoon(event.target));

function sendSoon(form) {
  clearTimeout(waiting.get(form));
  waiting.set(form, setTimeout(() => form.requestSubmit(), PAUSE_MS));
}

document.addEventListener("focusout", (event) => {
  const form = formOf(event.target);
  if (!form || form.contains(event.relatedTarget) || event.target.type === "radio") return;
  if ([...form.elements].some((field) => field.type === "text" && field.value !== field.defaultValue)) form.requestSubmit();
});
