// Keys for what the page offers; a key without its control does nothing.
const FIELDS = { F2: "#q", F3: "#add-text", F7: "#plan-text" };
const isTyping = (element) => element.matches?.("input, textarea, select, [contenteditable]");

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  const field = FIELDS[event.key] && document.querySelector(FIELDS[event.key]);
  if (field && !document.querySelector("dialog[open]")) {
    field.focus();
    field.select();
    return event.preventDefault();
  }
  if (event.key === "F6") return nextArea(event);
  if (event.altKey && !event.ctrlKey && /^Digit[1-9]$/.test(event.code)) return press(event, document.querySelectorAll(".tabs a")[Number(event.code.at(-1)) - 1]);
  if (event.ctrlKey && !event.shiftKey && event.key.toLowerCase() === "z" && !isTyping(event.target)) return press(event, document.querySelector("#toast [type=submit]"));
  if (event.key === "Escape") return press(event, event.target.closest?.("[data-editing]")?.querySelector("[data-cancel]") ?? document.querySelector(".menu[open] > summary"));
  inRows(event);
});

function press(event, control) {
  if (!control) return;
  event.preventDefault();
  control.click();
}

function nextArea(event) {
  const areas = [...document.querySelectorAll("[data-area]")];
  if (!areas.length) return;
  event.preventDefault();
  const at = areas.findIndex((area) => area.contains(document.activeElement));
  areas[(at + 1) % areas.length].focus();
}

// Tables of rows: arrows move, Enter is the row's own button, Shift+Enter and Delete are its other actions.
function inRows(event) {
  const rows = [...document.querySelectorAll("[data-row]")];
  if (!rows.length) return;
  const row = event.target.closest?.("[data-row]");
  if ((event.key === "ArrowDown" || event.key === "ArrowUp") && (row ? !isTyping(event.target) : event.target.id === "q")) {
    const at = row ? rows.indexOf(row) + (event.key === "ArrowDown" ? 1 : -1) : 0;
    event.preventDefault();
    (at < 0 ? document.querySelector("#q") : rows[Math.min(at, rows.length - 1)].querySelector("[data-main]"))?.focus();
  } else if (row && !isTyping(event.target) && event.key === "Enter" && event.shiftKey) press(event, row.querySelector("[data-view]"));
  else if (row && !isTyping(event.target) && event.key === "Delete") press(event, row.querySelector("[data-end]"));
  else if (event.target.id === "q" && event.key === "Enter" && event.target.form.dataset.found === event.target.value.trim()) {
    event.preventDefault();
    rows[0].querySelector("[data-main]")?.focus();
  }
}

// Enter in the search field goes to the first hit once the hits belong to what is typed.
document.addEventListener("htmx:afterRequest", (event) => {
  const { elt } = event.detail;
  if (elt.matches?.("form[data-refresh]") && event.detail.successful) elt.dataset.found = event.detail.requestConfig.parameters.q.trim();
});
