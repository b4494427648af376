// Which key does what stands in the rows of the help dialog. Most press or focus the control that carries their action;
// a key without its control does nothing.
const isTyping = (element) => element.matches?.("input, textarea, select, [contenteditable]");
const rowsOf = () => [...document.querySelectorAll("[data-row]")];

const OWN = {
  help: toggleHelp,
  "next-area": nextArea,
  undo: (event) => !isTyping(event.target) && use(controls(document, "undo")),
  "row-down": (event) => moveInRows(event, 1),
  "row-up": (event) => moveInRows(event, -1),
  open: intoHits,
  close: (event) => use([event.target.closest?.("[data-editing]")?.querySelector("[data-cancel]") ?? document.querySelector(":is(.menu, .record-menu)[open] > summary")]),
  save: (event) => submit(event.target.form),
};

let lastChord = "";
document.addEventListener("keydown", (event) => {
  const chord = chordOf(event);
  const isAgain = chord === lastChord;
  lastChord = chord;
  if (event.defaultPrevented || event.isComposing) return;
  const row = document.querySelector(`#shortcuts [data-keys~="${CSS.escape(chord)}"]`);
  if (!row) return;
  const action = row.dataset.does;
  const done = OWN[action] ? OWN[action](event) : use(controls("inRow" in row.dataset ? rowAt(event) : scopeOf(), action), isAgain);
  if (done) event.preventDefault();
});

// As `aria-keyshortcuts` writes it. A digit is told by its place, because Shift makes another sign of it.
function chordOf({ ctrlKey, metaKey, altKey, shiftKey, key, code }) {
  const name = altKey && code.startsWith("Digit") ? code.at(-1) : key.length === 1 ? key.toUpperCase() : key;
  return [(ctrlKey || metaKey) && "Control", altKey && "Alt", shiftKey && "Shift", name].filter(Boolean).join("+");
}

// Behind an open dialog nothing is pressed.
const scopeOf = () => document.querySelector("dialog[open]") ?? document;
const rowAt = (event) => (isTyping(event.target) ? null : event.target.closest?.("[data-row]"));
const controls = (place, action) => [...(place?.querySelectorAll(`[data-action="${action}"]`) ?? [])].filter((control) => control.checkVisibility());

// Where two controls have the same key, pressing it twice in a row goes on to the other.
function use(found, isAgain = false) {
  const control = found[isAgain ? (found.indexOf(document.activeElement) + 1) % found.length : 0];
  if (!control) return false;
  if (isTyping(control)) {
    control.focus();
    control.select();
  } else control.click();
  return true;
}

function toggleHelp() {
  const dialog = document.getElementById("shortcuts");
  if (dialog.open) dialog.close();
  else {
    putFirstWhatIsHere(dialog);
    dialog.showModal();
  }
  return true;
}

// Keys of what this page shows stand above those that work everywhere.
function putFirstWhatIsHere(dialog) {
  const groups = [...dialog.querySelectorAll("[data-scope]")];
  const isHere = (group) => [...group.rows].some((row) => controls(document, row.dataset.does).length > 0);
  const rank = (group) => (group.dataset.scope === "everywhere" ? 1 : isHere(group) ? 0 : 2);
  groups[0].parentElement.append(...groups.sort((one, other) => rank(one) - rank(other)));
}

function nextArea() {
  const areas = [...document.querySelectorAll("[data-area]")];
  if (!areas.length || scopeOf() !== document) return false;
  const at = areas.findIndex((area) => area.contains(document.activeElement));
  areas[(at + 1) % areas.length].focus();
  return true;
}

function submit(form) {
  if (form?.method !== "post" || scopeOf().contains(form) === false) return false;
  form.requestSubmit();
  return true;
}

// From the search field down into its hits, from row to row, and from the first one back.
function moveInRows(event, step) {
  const rows = rowsOf();
  const row = rowAt(event);
  if (!rows.length || (!row && event.target.id !== "q")) return false;
  const at = row ? rows.indexOf(row) + step : 0;
  (at < 0 ? document.querySelector("#q") : rows[Math.min(at, rows.length - 1)].querySelector("[data-main]"))?.focus();
  return true;
}

// Enter in the search field goes to the first hit once the hits belong to what is typed; elsewhere Enter is the button's own.
function intoHits(event) {
  const { target } = event;
  const first = rowsOf()[0]?.querySelector("[data-main]");
  if (!first || target.id !== "q" || target.form.dataset.found !== target.value.trim()) return false;
  first.focus();
  return true;
}

// Whoever has asked: the form itself, or the page that was told of a change while somebody typed.
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const search = document.querySelector("form[data-refresh]");
  const { path, verb, parameters } = detail.requestConfig;
  if (detail.successful && verb === "post" && path === search?.getAttribute("action")) search.dataset.found = (parameters.q ?? "").trim();
});
