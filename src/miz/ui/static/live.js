// What changes elsewhere arrives here: one event stream per browser, handed on to all its tabs.
import * as application from "./application.js";
import * as drafts from "./drafts.js";
import * as notices from "./notices.js";

const LOST_AFTER_MS = 10_000;
const TOPICS = "patients,applications";
const channel = new BroadcastChannel("miz-live");
let heardAt = Date.now();
let lostSince = null;
let stream = null;

channel.onmessage = ({ data }) => heard(data);

function openStream() {
  stream?.close();
  stream = new EventSource(`/api/v1/events?topics=${TOPICS}`);
  stream.onopen = () => tell({ topic: "open" });
  for (const topic of ["patient", "opening", "draft", "applications", "notice", "mode", "database", "ping", "resync", "stopping"]) {
    stream.addEventListener(topic, (event) => tell({ topic, ...JSON.parse(event.data || "{}") }));
  }
  stream.onerror = () => {
    // The browser tries again by itself, unless the server has refused: then the session may have ended.
    if (stream.readyState !== EventSource.CLOSED) return;
    application.keepAlive({ now: true });
    setTimeout(openStream, 2_000);
  };
}

function tell(event) {
  if (leads) signAsLeader();
  channel.postMessage(event);
  heard(event);
}

function heard(event) {
  heardAt = Date.now();
  if (lostSince) found();
  application.keepAlive({ now: event.topic === "mode" || (event.topic === "notice" && event.id === application.currentId()) });
  if (event.topic === "stopping") notices.show("server-stopping");
  else notices.hide("server-stopping");
  if (event.program && event.program !== document.documentElement.dataset.version) notices.show("program-changed");
  // What happened between the page's answer and the opening of the stream was told to nobody here.
  if (["open", "resync", "mode", "database"].includes(event.topic) || isShown(event)) refreshSoon();
  missable.push({ event, at: performance.now() });
  if (missable.length > MISSABLE_KEPT) missable.shift();
}

// An event about a page that is still on its way to this tab is looked at again once the page is there.
const MISSABLE_KEPT = 50;
const missable = [];
let askedForPageAt = 0;
document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  if (detail.boosted) askedForPageAt = performance.now();
});
document.addEventListener("htmx:afterSettle", ({ detail }) => {
  if (detail.boosted && missable.some(({ event, at }) => at >= askedForPageAt && isShown(event))) refreshSoon();
});

function isShown({ topic, id, version }) {
  const shown = document.getElementById("live");
  if (!shown) return false;
  const isConsole = "console" in document.body.dataset;
  if (shown.dataset.patient === undefined) return topic === "opening" || topic === (isConsole ? "applications" : "patient");
  return shown.dataset.patient === id && !(topic === "patient" && version <= Number(shown.dataset.patientVersion));
}

// The server has sent nothing for a while.
function lost() {
  lostSince = heardAt;
  notices.hide("server-stopping");
  const time = new Date(lostSince).toLocaleTimeString(document.documentElement.lang);
  for (const place of document.querySelectorAll("[data-since]")) place.textContent = time;
  document.documentElement.dataset.connection = "lost";
  for (const part of document.querySelectorAll("#connection, #connection-lost")) part.hidden = false;
}

async function found() {
  lostSince = null;
  document.documentElement.dataset.connection = "on";
  await application.keepAlive({ now: true });
  showLease();
  refresh();
  drafts.sendAgain();
}

// The pill of one's own lock follows the connection: first "ends in", then "typed text is kept here".
function showLease() {
  const pill = document.querySelector("#lock .pill[data-mine]");
  if (!pill) return;
  pill.dataset.words ??= pill.textContent;
  const left = Math.ceil(application.leaseSeconds - application.secondsSinceBeat());
  const state = !lostSince ? "mine" : left > 0 ? "ending" : "lost";
  const words = { mine: pill.dataset.words, ending: pill.dataset.ending.replace("{seconds}", left), lost: pill.dataset.lost }[state];
  pill.className = `pill ${state}`;
  if (pill.textContent !== words) pill.textContent = words;
}

setInterval(() => {
  if (!application.isSignedIn()) return;
  if (!lostSince && Date.now() - heardAt > LOST_AFTER_MS) lost();
  if (lostSince) return showLease();
  drafts.sendAgain({ olderThanMs: 2_000 });
  catchUp();
}, 1_000);

// --- fetching again what is shown ----------------------------------------------------------------------------------

const TRY_AGAIN_MS = 3_000;
let waiting = null;
let isRefreshing = false;
let failedAt = null;
let hasSkipped = false;

export function refreshSoon() {
  waiting ??= setTimeout(() => {
    waiting = null;
    refresh();
  }, 60);
}

/** One request at a time; what changes meanwhile is asked for after it. */
export async function refresh() {
  if (!document.getElementById("live") || lostSince) return;
  if (isRefreshing) return refreshSoon();
  isRefreshing = true;
  failedAt = Date.now();
  hasSkipped = false;
  // A silent server is noticed by its missing signal; the request is repeated.
  if (await application.ready()) await ask().catch(() => {});
  isRefreshing = false;
}

function ask() {
  const regions = [...document.querySelectorAll("[data-live]")].map((region) => `#${region.id}`).join(",");
  const search = document.querySelector("form[data-refresh]");
  const values = search ? Object.fromEntries(new FormData(search)) : {};
  const source = { source: document.body, swap: "none", selectOOB: regions, headers: { "Miz-Background": "1" } };
  return Object.values(values).some((value) => value.trim())
    ? window.htmx.ajax("POST", search.getAttribute("action"), { ...source, values })
    : window.htmx.ajax("GET", document.body.dataset.console || location.pathname + location.search, source);
}

// Only what may pass is asked for again: no answer, too much to do, a server that starts or stops.
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (detail.requestConfig.elt !== document.body) return;
  const { status } = detail.xhr;
  if (status !== 0 && status !== 429 && status < 500) failedAt = null;
  // What is shown here does not exist any more, as an erased patient: nothing of it stays on the screen.
  if (status === 404) location.reload();
});

// What could not be fetched, or was not put in because somebody was typing there, is fetched again.
function catchUp() {
  const hasFailed = failedAt && !isRefreshing && Date.now() - failedAt > TRY_AGAIN_MS;
  const isOvertaken = hasSkipped && ![...document.querySelectorAll("[data-live]")].some(isInUse);
  if (hasFailed || isOvertaken) refresh();
}
const isInUse = (region) => drafts.isBusy(region) || Boolean(region.querySelector(".inline-form[open]"));

let isPrinting = false;
addEventListener("beforeprint", () => (isPrinting = true));
addEventListener("afterprint", () => {
  isPrinting = false;
  refreshSoon();
});

// Nobody's typing is replaced: such a region takes over the new keys of its forms and waits.
const plain = (region) => region.outerHTML.replace(/ value="[0-9a-f]{32}"| open=""| class=""| autofocus=""/g, "");
let answered = null;
document.addEventListener("htmx:beforeSwap", (event) => (answered = event.detail.requestConfig.elt));
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target, fragment } = event.detail;
  // A page on its way to the printer stays as it is.
  if (isPrinting) {
    event.detail.shouldSwap = false;
    return;
  }
  // An answer about another patient than the one shown is never put in.
  if (fragment.firstElementChild?.dataset.of !== target.dataset.of) {
    event.detail.shouldSwap = false;
    return;
  }
  // What is the same stays as it is, with its focus; only the keys of forms are new each time.
  const isOwnAnswer = target.contains(answered);
  if (!isOwnAnswer && plain(fragment.firstElementChild) === plain(target)) {
    event.detail.shouldSwap = false;
    return;
  }
  // What changes by itself never takes the focus from where somebody is.
  if (!isOwnAnswer) for (const part of fragment.querySelectorAll("[autofocus]")) part.removeAttribute("autofocus");
  for (const old of target.querySelectorAll("details[data-key]")) {
    const fresh = [...fragment.querySelectorAll("details[data-key]")].find((found) => found.dataset.key === old.dataset.key);
    if (fresh) fresh.open = old.open;
  }
  // A form opened within a table is being filled in: nothing moves under the hand.
  if (isOwnAnswer) return;
  if (!isInUse(target)) return keepFocus(target);
  event.detail.shouldSwap = false;
  hasSkipped = true;
  const incoming = fragment.querySelector?.("input[name=fencing_token]");
  if (incoming) for (const old of target.querySelectorAll("input[name=fencing_token]")) old.value = incoming.value;
});

// Who stands in a field that is replaced stands in the new one: the next key goes where it was meant to go.
let focused = "";
function keepFocus(target) {
  const at = document.activeElement;
  focused = at && target.contains(at) ? at.id : "";
}
document.addEventListener("htmx:oobAfterSwap", () => {
  if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus({ preventScroll: true });
  focused = "";
});

document.addEventListener("miz:registered", () => refresh());
document.addEventListener("toggle", (event) => event.target.matches(".inline-form:not([open])") && refreshSoon(), true);
document.addEventListener("miz:lease", () => refreshSoon());

// After signing in again, or after a lapse of the lease, the patient that was open here is opened again if it is free;
// so is one that this window has asked for, once it is released.
const remembered = (name) => sessionStorage.getItem(`miz.${name}`);
document.addEventListener("htmx:load", () => {
  const live = document.getElementById("live");
  if (!live) return;
  const { patient, lock } = live.dataset;
  if (remembered("asked") && remembered("asked") !== patient) withdraw();
  if (patient === undefined) return;
  if (lock === "mine") {
    sessionStorage.setItem("miz.open", patient);
    sessionStorage.removeItem("miz.asked");
  } else if (lock === "free" && [remembered("open"), remembered("asked")].includes(patient)) {
    sessionStorage.removeItem("miz.open");
    sessionStorage.removeItem("miz.asked");
    document.querySelector("#lock form[data-reopen]")?.requestSubmit();
  } else if (lock === "other" && remembered("open") === patient) {
    sessionStorage.removeItem("miz.open");
    notices.show("taken-over");
  } else if (lock === "ended") {
    // Somebody meant it: opening it again is for the user to decide.
    sessionStorage.removeItem("miz.open");
  }
});
document.addEventListener("submit", (event) => {
  if (event.target.matches("[data-asks]")) sessionStorage.setItem("miz.asked", document.getElementById("live").dataset.patient);
  if (event.target.matches("[data-withdraws]")) sessionStorage.removeItem("miz.asked");
}, true);

// Who has gone on to something else needs it no more.
async function withdraw() {
  const patient = remembered("asked");
  sessionStorage.removeItem("miz.asked");
  const headers = { "Miz-Application": await application.ready(), "Miz-Background": "1" };
  fetch(`/api/v1/patients/${patient}/opening/request`, { method: "DELETE", headers }).catch(() => {});
}

document.addEventListener("submit", (event) => {
  if (event.target.matches("[data-forget-open]")) sessionStorage.removeItem("miz.open");
});

// A new high finding is said once to who listens to the screen, with its title.
let told = {};
document.addEventListener("htmx:load", () => {
  const patient = document.getElementById("live")?.dataset.patient;
  if (!patient || !document.getElementById("findings-title")) return;
  const titles = [...document.querySelectorAll("#findings .card.high h3")].map((title) => title.textContent);
  const fresh = told.patient === patient ? titles.filter((title) => !told.titles.includes(title)) : [];
  const place = document.getElementById("announcement");
  if (fresh.length) place.textContent = `${place.dataset.high}: ${fresh.join(", ")}`;
  told = { patient, titles };
});

// One tab leads; when it closes the next takes over.
const LEADER = "miz.leader";
const LEADER_SILENT_MS = 12_000;
const me = String(Math.random());
let leads = false;

function lead() {
  if (navigator.locks) navigator.locks.request("miz-live", () => (openStream(), new Promise(() => {})));
  else setInterval(standForLeader, 1_000);
}

// Without Web Locks (plain HTTP in the practice network) the leader leaves its sign in the browser's storage.
function standForLeader() {
  const [leader, seenAt] = (localStorage.getItem(LEADER) ?? "").split(" ");
  if (leads && leader !== me) {
    leads = false;
    stream.close();
  } else if (leads || !leader || Date.now() - Number(seenAt) > LEADER_SILENT_MS) {
    signAsLeader();
    // Two may stand at the same moment: who signed last leads.
    if (!leads) setTimeout(() => (leads = localStorage.getItem(LEADER)?.startsWith(`${me} `)) && openStream(), 200);
  }
}
const signAsLeader = () => localStorage.setItem(LEADER, `${me} ${Date.now()}`);
addEventListener("pagehide", () => leads && localStorage.removeItem(LEADER));

if (application.isSignedIn()) lead();
addEventListener("offline", () => application.isSignedIn() && !lostSince && lost());
