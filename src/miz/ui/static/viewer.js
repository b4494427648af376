// The room display: fetches the screen when the server says that it has changed, and takes it away when the server falls silent.
// What stands here counts as true only while the server names its stamp.
import { layOut } from "./viewer_pages.js";

const STALE_MS = 10_000;
const GONE_MS = 60_000;
const ANSWER_MS = 5_000;
const RECONNECT_MS = 5_000;
const ARRIVAL_MS = 1_000;

const root = document.documentElement;
const part = (id) => document.getElementById(id);
const room = part("screen").dataset.room;
// Both clocks: one goes on while the machine sleeps, the other cannot be set back.
const moment = () => ({ wall: Date.now(), steady: performance.now() });
const since = (then) => Math.max(Date.now() - then.wall, performance.now() - then.steady);
const time = (wall) => new Date(wall).toLocaleTimeString(root.lang);

let shown = null;
let confirmed = moment();
let stream = null;
let connected = moment();
let request = null;

function connect() {
  connected = moment();
  stream?.close();
  stream = new EventSource(`/viewer/events${location.search}`);
  for (const kind of ["show", "ping"]) stream.addEventListener(kind, ({ data }) => heard(JSON.parse(data)));
  stream.addEventListener("revoked", () => location.reload());
  // The browser tries again by itself, unless the server has refused: then the answer to the screen says why.
  stream.onerror = () => stream.readyState === EventSource.CLOSED && fetchScreen(null);
}

function heard({ stamp, program }) {
  if (program !== root.dataset.version) location.reload();
  else if (stamp === shown) confirm();
  else if (request?.stamp !== stamp) fetchScreen(stamp);
}

async function fetchScreen(stamp) {
  request?.abort.abort();
  const mine = (request = { stamp, abort: new AbortController() });
  const limit = setTimeout(() => mine.abort.abort(), ANSWER_MS);
  try {
    const answer = await fetch(`/viewer/screen${location.search}`, { signal: mine.abort.signal });
    // No longer paired, or for another room: the page itself says so.
    if ([401, 403, 409].includes(answer.status)) location.reload();
    else if (answer.ok) show(new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("screen"));
  } catch {
    // The next sign of life asks again.
  } finally {
    clearTimeout(limit);
    if (request === mine) request = null;
  }
}

function show(fresh) {
  if (fresh.dataset.room !== room) return location.reload();
  const old = part("screen");
  const isArrival = fresh.dataset.of && fresh.dataset.of !== old.dataset.of;
  old.replaceWith(document.adoptNode(fresh));
  shown = fresh.dataset.stamp;
  announce(isArrival ? fresh.dataset.arrival : "");
  confirm();
  layOut({ isNew: true });
}

let arrival = 0;
function announce(name) {
  clearTimeout(arrival);
  part("arrival").textContent = name;
  part("arrival").hidden = !name;
  if (name) arrival = setTimeout(() => announce(""), ARRIVAL_MS);
}

function confirm() {
  confirmed = moment();
  watch();
}

// How long ago the server last said that what stands here is true.
function watch() {
  const silence = since(confirmed);
  const state = silence > GONE_MS ? "gone" : silence > STALE_MS ? "stale" : "on";
  const words = part("signal").dataset;
  part("signal").lastElementChild.textContent = (state === "on" ? words.on : words.lost).replace("{time}", time(confirmed.wall));
  tellTime();
  if (state !== "on" && since(connected) > RECONNECT_MS) connect();
  if (state === root.dataset.connection) return;
  root.dataset.connection = state;
  const sentence = part("stale").lastElementChild;
  sentence.textContent = (state === "stale" ? sentence.dataset.sentence : words.lost).replace("{time}", time(confirmed.wall));
  part("stale").hidden = state === "on";
  if (state === "gone") takeAway();
  layOut();
}

function takeAway() {
  const empty = document.createElement("main");
  empty.id = "screen";
  empty.dataset.state = "gone";
  empty.append(part("gone").content.cloneNode(true));
  part("screen").replaceWith(empty);
  announce("");
  shown = null;
}

function tellTime() {
  const now = new Date();
  for (const clock of document.querySelectorAll("[data-clock]")) {
    clock.textContent = now.toLocaleTimeString(root.lang, { hour: "2-digit", minute: "2-digit" });
  }
  for (const day of document.querySelectorAll("[data-day]")) day.textContent = now.toLocaleDateString(root.lang, { dateStyle: "full" });
}

// --- what is chosen at this display stays at this display ----------------------------------------------------------

const keep = (name, value) => (document.cookie = `miz_viewer_${name}=${value}; Max-Age=31536000; Path=/viewer; SameSite=Lax`);

function toggleDiscreet() {
  const isDiscreet = part("discreet").getAttribute("aria-pressed") !== "true";
  part("discreet").setAttribute("aria-pressed", isDiscreet);
  keep("discreet", isDiscreet ? "1" : "0");
  if (isDiscreet) {
    // At once, whether or not the server answers.
    announce("");
    delete part("screen").dataset.arrival;
    for (const personal of document.querySelectorAll("[data-personal]")) personal.textContent = "–";
  }
  fetchScreen(null);
}

const SIZES = { least: -2, most: 5 };
function resize(step) {
  const size = Math.min(SIZES.most, Math.max(SIZES.least, Number(root.dataset.size) + step));
  root.dataset.size = size;
  keep("size", size);
  layOut();
}

const THEMES = ["system", "light", "dark"];
function changeTheme() {
  const theme = THEMES[(THEMES.indexOf(root.dataset.theme) + 1) % THEMES.length];
  root.dataset.theme = theme;
  part("theme-word").textContent = part("theme").dataset[theme];
  keep("theme", theme);
}

part("discreet").addEventListener("click", toggleDiscreet);
part("smaller").addEventListener("click", () => resize(-1));
part("larger").addEventListener("click", () => resize(1));
part("theme").addEventListener("click", changeTheme);
addEventListener("keydown", (event) => {
  if (event.key !== "F7" || event.repeat) return;
  event.preventDefault();
  toggleDiscreet();
});

document.addEventListener("visibilitychange", watch);
setInterval(watch, 250);
connect();
