// One application per tab: announced to the server, kept alive by the server's own signal, said goodbye to on leaving.
const KEY = "miz.application";
let id = null;
let claiming = null;
let lease = null;
export let leaseSeconds = 120;
let heartbeatSeconds = 30;
let lastBeat = 0;
let disconnected = false;
const seen = new Set();
let isLeaving = false;

export const isSignedIn = () => Boolean(document.body.dataset.user);
export const currentId = () => id;
export const heldLease = () => lease;
export const secondsSinceBeat = () => (Date.now() - lastBeat) / 1000;

const BACKGROUND = { "Miz-Background": "1" };

/** The id of this tab's application, once the server knows it. */
export function ready() {
  if (!isSignedIn()) return Promise.resolve(null);
  claiming ??= claim().catch(() => null).then((found) => {
    if (!found) claiming = null;
    return found;
  });
  return claiming;
}

async function claim() {
  const stored = sessionStorage.getItem(KEY);
  if (stored && (await isOurs(stored))) {
    id = stored;
    if (await beat()) return id;
  }
  return register();
}

async function register() {
  id = null;
  const answer = await fetch("/api/v1/applications", {
    method: "POST",
    headers: { "Content-Type": "application/json", ...BACKGROUND },
    body: JSON.stringify({ kind: "active", version: document.documentElement.dataset.version }),
  });
  if (!answer.ok) return refused(answer);
  const made = await answer.json();
  id = made.id;
  leaseSeconds = made.lease_s;
  heartbeatSeconds = made.heartbeat_interval_s;
  sessionStorage.setItem(KEY, id);
  sessionStorage.setItem(`${KEY}.times`, JSON.stringify([leaseSeconds, heartbeatSeconds]));
  lease = null;
  lastBeat = Date.now();
  await isOurs(id);
  return id;
}

/** A duplicated tab copies the stored id; whoever holds the lock of that name owns it. */
async function isOurs(candidate) {
  [leaseSeconds, heartbeatSeconds] = JSON.parse(sessionStorage.getItem(`${KEY}.times`) ?? "[120,30]");
  if (!navigator.locks) return askOthers(candidate);
  // The page before this one may still be letting go.
  for (let attempt = 0; attempt < 6; attempt += 1) {
    if (await tryLock(`miz-application-${candidate}`)) return true;
    await new Promise((done) => setTimeout(done, 100));
  }
  return false;
}

function tryLock(name) {
  return new Promise((tell) => {
    navigator.locks.request(name, { ifAvailable: true }, (lock) => {
      tell(Boolean(lock));
      return lock ? new Promise(() => {}) : undefined;
    });
  });
}

// Without Web Locks (plain HTTP in the practice network) tabs ask each other.
const owners = new BroadcastChannel("miz-applications");
owners.onmessage = ({ data }) => {
  if (data.asks && data.asks === id) owners.postMessage({ taken: id });
};
function askOthers(candidate) {
  return new Promise((tell) => {
    const heard = ({ data }) => data.taken === candidate && done(false);
    const done = (answer) => {
      owners.removeEventListener("message", heard);
      tell(answer);
    };
    owners.addEventListener("message", heard);
    owners.postMessage({ asks: candidate });
    setTimeout(() => done(true), 150);
  });
}

/** A sign of life; renews the lease. False when the server does not know this application. */
export async function beat() {
  const told = [...seen];
  const headers = { "Content-Type": "application/json", ...BACKGROUND };
  const answer = await fetch(`/api/v1/applications/${id}/heartbeat`, { method: "POST", headers, body: JSON.stringify({ seen: told }) });
  if (answer.status === 404) return isDisconnected(answer);
  if (!answer.ok) return Boolean(refused(answer)) || true;
  const before = lease?.fencing_token;
  const said = await answer.json();
  ({ lease } = said);
  lastBeat = Date.now();
  for (const notice of told) seen.delete(notice);
  document.dispatchEvent(new CustomEvent("miz:heartbeat", { detail: said }));
  if (before !== lease?.fencing_token) document.dispatchEvent(new CustomEvent("miz:lease"));
  return true;
}

// Ended from the console: the window comes back only when its user wants it to.
async function isDisconnected(answer) {
  const { code } = await answer.json().catch(() => ({}));
  disconnected = code === "application-disconnected";
  if (!disconnected) return false;
  lease = null;
  document.dispatchEvent(new CustomEvent("miz:disconnected"));
  return true;
}

/** This notice was read; the server hears of it with the next sign of life. */
export function markSeen(notice) {
  seen.add(notice);
  keepAlive({ now: true });
}

/** Register anew after having been disconnected. */
export async function reconnect() {
  disconnected = false;
  await announceAgain();
}

async function announceAgain() {
  claiming = null;
  sessionStorage.removeItem(KEY);
  await ready();
  document.dispatchEvent(new CustomEvent("miz:registered"));
}

/** Called at each signal of the server: speaks when it is time. */
export async function keepAlive({ now = false } = {}) {
  if (!id || isLeaving || disconnected || (!now && secondsSinceBeat() < heartbeatSeconds * 0.6)) return;
  try {
    if (!(await beat())) await announceAgain();
  } catch {
    // The live part says so when the server stays silent.
  }
}

async function refused(answer) {
  if (answer.status === 401) {
    const problem = await answer.json().catch(() => ({}));
    askToSignIn(problem.code);
  }
  return null;
}

/** The session has ended or its screen is locked: what was typed is kept, this very page comes back afterwards. */
export function askToSignIn(code) {
  if (!isSignedIn()) return;
  const isLocked = code === "screen-locked";
  const gate = isLocked ? "/locked" : "/sign-in";
  // Who is changing the user while the screen is locked is on the way out of it.
  if (location.pathname === gate || (isLocked && location.pathname === "/change-user")) return;
  location.assign(`${gate}?next=${encodeURIComponent(location.pathname)}`);
}

// A hidden page may be slowed or frozen: then the keeper, which all tabs share, speaks for it.
const keeper = navigator.locks && window.SharedWorker ? new SharedWorker(new URL("keeper.js", import.meta.url)) : null;
const tellKeeper = () => id && keeper?.port.postMessage({ id, isHidden: document.hidden, everySeconds: heartbeatSeconds });
document.addEventListener("visibilitychange", tellKeeper);
document.addEventListener("freeze", () => id && keeper?.port.postMessage({ id, isHidden: true, everySeconds: heartbeatSeconds }));
document.addEventListener("resume", () => {
  tellKeeper();
  keepAlive({ now: true });
});

// A page that has said goodbye must not speak again: that would take the goodbye back.
addEventListener("pagehide", () => {
  isLeaving = true;
  if (id) fetch(`/api/v1/applications/${id}/leaving`, { method: "POST", keepalive: true, headers: BACKGROUND }).catch(() => {});
});
addEventListener("pageshow", (event) => {
  isLeaving = false;
  if (event.persisted) keepAlive({ now: true });
});

// A page fetched without the application's id is read-only; now that the id is known its parts are fetched again.
ready().then((found) => found && document.dispatchEvent(new CustomEvent("miz:registered")));
