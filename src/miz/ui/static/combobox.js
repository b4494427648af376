// A text field with a list of hits, by the ARIA combobox pattern. Nothing is taken without Enter or a click.
const PAUSE_MS = 150;
const LEAST = 2;
const MOST = 12;
const state = new WeakMap();
const fold = (text) => text.toLocaleLowerCase("de").normalize("NFKD").replace(/\p{M}/gu, "").trim();
// A strength after the name is no part of the name: "Ibuprofen 600", "Beloc-Zok mite 47,5 mg".
const STRENGTH = /\s+(\d[\d.,/:\s]*(?:mg|g|µg|ml|%|I\.?\s?E\.?)?(?:\/\d*\s?ml)?)\s*$/i;

const listOf = (input) => document.getElementById(input.getAttribute("aria-controls"));
const of = (input) => {
  if (!state.has(input)) state.set(input, { items: [], active: -1, timer: 0, request: null });
  return state.get(input);
};

document.addEventListener("input", (event) => {
  const input = event.target;
  if (!input.matches("[role=combobox]")) return;
  forget(input);
  const own = of(input);
  clearTimeout(own.timer);
  if (input.value.trim().length < LEAST) return close(input);
  own.timer = setTimeout(() => look(input), PAUSE_MS);
});

async function look(input) {
  const own = of(input);
  const typed = input.value.trim();
  own.request?.abort();
  own.request = new AbortController();
  const extra = procedures(input, fold(typed.replace(STRENGTH, "")));
  let items = [];
  try {
    const answer = await ask(input, typed, own.request.signal);
    if (answer.ok) ({ items } = await answer.json());
    if (input.dataset.patients !== undefined) items = items.map(asHit);
  } catch (error) {
    if (error.name === "AbortError") return;
  }
  if (input.value.trim() !== typed || document.activeElement !== input) return;
  show(input, typed, [...extra, ...items].slice(0, MOST));
}

// Names of patients stand in no address: they are asked for in the body.
function ask(input, typed, signal) {
  if (input.dataset.patients === undefined) return fetch(`${input.dataset.source}?q=${encodeURIComponent(typed)}&limit=${MOST}`, { signal });
  const headers = { "Content-Type": "application/json" };
  return fetch(input.dataset.source, { method: "POST", signal, headers, body: JSON.stringify({ q: typed, limit: MOST }) });
}

function asHit({ id, family_name: family, given_name: given, birth_date: born, number }) {
  const name = `${family.toLocaleUpperCase("de")}, ${given}`;
  const day = born.split("-").reverse().join(".");
  return { id, name, kind: "patient", matched: name, substances: [{ name_de: [day, number].filter(Boolean).join(" · ") }] };
}

// Each procedure comes with its other names; the one that begins as typed is offered, its proper name beside it.
function procedures(input, typed) {
  const found = JSON.parse(input.dataset.extra ?? "[]").map(([name, ...others]) => {
    const words = [name, ...others];
    const begun = words.find((word) => fold(word) === typed) ?? words.find((word) => fold(word).startsWith(typed));
    const shown = begun === undefined || begun === name ? name : cased(begun);
    return (begun || fold(name).includes(typed)) && { name: shown, kind: input.dataset.extraKind ?? "procedure", matched: shown, substances: [{ name_de: name }] };
  });
  const rank = ({ name }) => (fold(name) === typed ? 0 : fold(name).startsWith(typed) ? 1 : 2);
  return found.filter(Boolean).sort((one, other) => rank(one) - rank(other)).slice(0, 6);
}

// Other names are kept in lower case: abbreviations get capitals, words a capital letter.
const cased = (word) => (word.length <= 3 ? word.toUpperCase() : word[0].toUpperCase() + word.slice(1));

function show(input, typed, items) {
  const own = of(input);
  const list = listOf(input);
  const name = fold(typed.replace(STRENGTH, ""));
  own.items = input.dataset.free ? [...items, { free: true, name: typed }] : items;
  const lines = own.items.map((item, place) => (item.free ? freeLine(input, item, items.length) : line(input, item, name, place)));
  if (items.length === 0) lines.unshift(part("li", input.dataset.none.replace("{text}", typed), { className: "none muted", role: "presentation" }));
  list.replaceChildren(...lines);
  input.setAttribute("aria-expanded", "true");
  say(input, items.length === 0 ? input.dataset.none.replace("{text}", typed) : countOf(input, items.length));
  const first = items[0];
  const begins = first && (fold(first.name).startsWith(name) || fold(first.matched).startsWith(name));
  mark(input, begins ? 0 : -1);
}

// For screen readers: the status beside the field, emptied when the list goes.
const say = (input, sentence) => (document.getElementById(`${input.id}-count`).textContent = sentence);
const countOf = (input, count) => (count === 1 ? (input.dataset.countOne ?? input.dataset.count) : input.dataset.count).replace("{count}", count);

function part(tag, text, properties = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(properties)) name === "role" ? made.setAttribute("role", value) : (made[name] = value);
  return made;
}

function line(input, item, name, place) {
  const made = part("li", "", { id: `${input.id}-hit-${place}`, role: "option" });
  const title = document.createElement("span");
  title.append(...marked(item.name, name));
  const known = item.substances.map((substance) => substance.name_de).join(" + ");
  const why = [known !== item.name && known, ![item.name, known].includes(item.matched) && input.dataset.matched.replace("{text}", item.matched)];
  made.append(title, part("small", input.dataset[item.kind] ?? ""));
  if (why.some(Boolean)) made.append(part("small", why.filter(Boolean).join(" · ")));
  return made;
}

function freeLine(input, item, place) {
  const made = part("li", "", { id: `${input.id}-hit-${place}`, className: "free", role: "option" });
  made.append(part("span", input.dataset.free.replace("{text}", item.name)));
  return made;
}

function marked(text, name) {
  const at = fold(text).indexOf(name);
  if (at < 0 || fold(text).length !== text.length) return [text];
  return [text.slice(0, at), part("mark", text.slice(at, at + name.length)), text.slice(at + name.length)];
}

function mark(input, place) {
  const own = of(input);
  own.active = place;
  const options = [...listOf(input).querySelectorAll("[role=option]")];
  options.forEach((option, number) => option.setAttribute("aria-selected", number === place));
  if (place >= 0) {
    input.setAttribute("aria-activedescendant", options[place].id);
    options[place].scrollIntoView({ block: "nearest" });
  } else input.removeAttribute("aria-activedescendant");
}

function close(input) {
  clearTimeout(of(input).timer);
  of(input).request?.abort();
  listOf(input).replaceChildren();
  of(input).items = [];
  of(input).active = -1;
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
  say(input, "");
}

const formPart = (input, name) => input.form.elements[name];
const idField = (input) => formPart(input, input.dataset.idField ?? "drug_id");

// Typing on after a hit was taken makes it a text again.
function forget(input) {
  if (idField(input)) idField(input).value = "";
  delete input.form.dataset.chosen;
}

function take(input, item) {
  const typed = input.value.trim();
  const strength = STRENGTH.exec(typed)?.[1]?.trim() ?? "";
  close(input);
  if (input.dataset.then === "submit") {
    input.value = item.free ? typed : [item.name, strength].filter(Boolean).join(" ");
    input.form.requestSubmit();
    return;
  }
  input.value = item.free ? typed : item.name;
  if (idField(input)) idField(input).value = item.free ? "" : (item.id ?? "");
  if (!item.free && formPart(input, "strength")) formPart(input, "strength").value = strength;
  input.form.dataset.chosen = "1";
  input.dispatchEvent(new Event("change", { bubbles: true }));
  input.form.querySelector("[data-next]").focus();
}

document.addEventListener("keydown", (event) => {
  const input = event.target;
  if (!input.matches?.("[role=combobox]") || event.isComposing) return;
  const own = of(input);
  const isOpen = input.getAttribute("aria-expanded") === "true";
  const place = isOpen && !event.altKey ? placeAfter(event.key, own) : undefined;
  if (place !== undefined) {
    mark(input, place);
    event.preventDefault();
  } else if (event.key === "ArrowDown") {
    if (!isOpen && input.value.trim().length >= LEAST) look(input);
    event.preventDefault();
  } else if (event.key === "ArrowUp") {
    if (event.altKey) close(input);
    event.preventDefault();
  } else if (event.key === "Enter" && !(input.form.dataset.chosen && !isOpen)) {
    event.preventDefault();
    if (isOpen && own.active >= 0) take(input, own.items[own.active]);
    else if (input.dataset.then === "submit" && input.value.trim()) take(input, { free: true });
    else if (input.value.trim().length >= LEAST) look(input);
  } else if (event.key === "Escape") {
    if (isOpen) close(input);
    else {
      input.value = "";
      input.dispatchEvent(new Event("input", { bubbles: true }));
    }
    event.preventDefault();
  } else if (event.key === "Tab") close(input);
});

// Where a key leads in the open list; nowhere for other keys. Up from the first hit comes the last.
function placeAfter(key, { items: { length }, active }) {
  if (length === 0) return undefined;
  return { ArrowDown: (active + 1) % length, ArrowUp: (Math.max(active, 0) - 1 + length) % length, Home: 0, End: length - 1 }[key];
}

document.addEventListener("mousedown", (event) => {
  const option = event.target.closest?.(".hits [role=option]");
  if (!option) return;
  event.preventDefault();
  const input = document.querySelector(`[aria-controls="${option.parentElement.id}"]`);
  take(input, of(input).items[[...option.parentElement.querySelectorAll("[role=option]")].indexOf(option)]);
});
document.addEventListener("focusout", (event) => event.target.matches?.("[role=combobox]") && close(event.target));
document.addEventListener("miz:restored", (event) => {
  const input = event.target.querySelector("[role=combobox]:not([data-then])");
  if (input?.value) event.target.dataset.chosen = "1";
});
document.addEventListener("reset", (event) => delete event.target.dataset.chosen);

// Quick hands have typed before this script stood.
const early = document.activeElement;
if (early?.matches("[role=combobox]") && early.value !== early.defaultValue) early.dispatchEvent(new Event("input", { bubbles: true }));
