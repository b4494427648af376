// Makes the lists fit without scrolling: what is high stands always, the rest takes turns below it. If not even the high
// ones fit, the text gets smaller down to the least size, then denser; after that they take turns among themselves, with a count.
const TURN_MS = 12_000;
const LEAST_PX = 16;
const STEP = 0.95;
const ALWAYS = new Set(["high", "avoid"]);
const scrolls = matchMedia("(max-width: 560px), (max-height: 420px)");

let columns = [];
let turn = 0;

export function layOut({ isNew = false } = {}) {
  const board = document.querySelector(".board");
  if (isNew) turn = 0;
  columns = [];
  if (!board) return;
  const found = [...board.querySelectorAll(".column")].map(columnOf);
  for (const isDense of [false, true]) {
    board.toggleAttribute("data-dense", isDense);
    if (tryAt(board, found, isDense)) break;
  }
  columns = found;
  show();
}

// From the full size down to the least; whether everything that must stand has found its room.
function tryAt(board, found, isLast) {
  for (let fit = 1; ; fit *= STEP) {
    board.style.setProperty("--fit", fit);
    const isLeast = parseFloat(getComputedStyle(board).fontSize) <= LEAST_PX;
    for (const column of found) column.pages = pagesOf(column, isLeast && isLast);
    if (found.every(({ pages }) => pages)) return true;
    if (isLeast) return false;
  }
}

function columnOf(section) {
  const list = section.querySelector(".lines");
  return { list, items: [...list.children], more: section.querySelector("[data-more]") };
}

// The pages of a list, each with the lines it shows; null where smaller text has to be tried first.
function pagesOf({ list, items, more }, isLeast) {
  const fits = (lines) => {
    for (const item of items) item.hidden = !lines.includes(item);
    return list.scrollHeight <= list.clientHeight + 1;
  };
  const filled = (always, rest) => {
    const pages = [[...always]];
    for (const line of rest) {
      const page = pages.at(-1);
      if (page.length === always.length || fits([...page, line])) page.push(line);
      else pages.push([...always, line]);
    }
    return pages;
  };
  more.hidden = true;
  if (scrolls.matches || fits(items)) return [items];
  more.hidden = false;
  const always = items.filter((item) => ALWAYS.has(item.dataset.rank));
  const rest = items.filter((item) => !always.includes(item));
  if (fits(always)) {
    const beside = rest.filter((item) => fits([...always, item]));
    return beside.length === rest.length || isLeast ? filled(always, beside) : null;
  }
  return isLeast ? filled([], always) : null;
}

function show() {
  for (const { list, items, more, pages } of columns) {
    const page = pages[turn % pages.length];
    for (const item of items) item.hidden = !page.includes(item);
    const always = items.filter((item) => ALWAYS.has(item.dataset.rank));
    const seen = always.filter((item) => page.includes(item));
    const words = [];
    if (seen.length < always.length) {
      const from = always.indexOf(seen[0]) + 1;
      words.push(list.dataset.counted.replace("{from}", from).replace("{to}", from + seen.length - 1).replace("{total}", always.length));
    }
    const others = items.length - always.length - (page.length - seen.length);
    if (others) words.push(more.dataset.more.replace("{count}", others));
    more.textContent = words.join(" · ");
    more.hidden = !words.length;
  }
}

setInterval(() => {
  turn += 1;
  show();
}, TURN_MS);
addEventListener("resize", () => layOut());
document.fonts.ready.then(() => layOut());
