// Quiet bars above the content: what the server has to tell this window. None of them makes a sound or takes the focus.
import * as application from "./application.js";

const waiting = new Map();
const standing = new Set();

export const show = (id) => setHidden(id, false);
export const hide = (id) => setHidden(id, true);

function setHidden(id, isHidden) {
  const bar = document.getElementById(id);
  if (bar) bar.hidden = isHidden;
  if (bar?.matches(".bar") && !isHidden) standing.add(id);
  else standing.delete(id);
}

document.addEventListener("miz:heartbeat", ({ detail: { messages, mode } }) => {
  const known = new Set(messages.map(({ id }) => id));
  for (const id of waiting.keys()) if (!known.has(id)) waiting.delete(id);
  for (const message of messages) waiting.set(message.id, message);
  setHidden("setup-mode", mode !== "setup");
  hide("disconnected");
  draw();
});
document.addEventListener("miz:disconnected", () => {
  waiting.clear();
  draw();
  show("disconnected");
});

// A page that htmx has put in shows again what has not been read and what still holds.
document.addEventListener("htmx:load", draw);

function draw() {
  for (const id of standing) document.getElementById(id).hidden = false;
  const place = document.getElementById("messages");
  if (!place) return;
  for (const bar of place.querySelectorAll("[data-notice]")) if (!waiting.has(bar.dataset.notice)) bar.remove();
  for (const message of waiting.values()) {
    if (place.querySelector(`[data-notice="${message.id}"]`)) continue;
    const bar = document.getElementById("message-bar").content.firstElementChild.cloneNode(true);
    bar.dataset.notice = message.id;
    bar.querySelector("[data-words]").textContent = wordsOf(message, place);
    place.append(bar);
  }
}

function wordsOf({ kind, sender, text, sent_at: sentAt, ends_at: endsAt }, place) {
  const time = new Date(endsAt ?? sentAt).toLocaleTimeString(document.documentElement.lang, { timeStyle: endsAt ? "medium" : "short" });
  return place.dataset[kind].replace("{sender}", sender).replace("{time}", time).replace("{text}", text);
}

document.addEventListener("click", (event) => {
  const bar = event.target.closest("[data-read]")?.closest("[data-notice]");
  if (bar) {
    waiting.delete(bar.dataset.notice);
    bar.remove();
    application.markSeen(bar.dataset.notice);
  } else if (event.target.closest("[data-hide]")) hide(event.target.closest(".notice").id);
  else if (event.target.closest("[data-reload]")) location.reload();
  else if (event.target.closest("[data-reconnect]")) {
    hide("disconnected");
    application.reconnect();
  }
});
