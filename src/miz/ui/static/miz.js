// The script of every page: the parts, and what htmx has to know about them.
import * as application from "./application.js";
import * as drafts from "./drafts.js";
import "./answers.js";
import "./combobox.js";
import "./idle.js";
import "./keys.js";
import "./live.js";
import "./print.js";
import "./theme.js";

document.addEventListener("htmx:confirm", async (event) => {
  if (!application.isSignedIn() || application.currentId()) return;
  event.preventDefault();
  await application.ready();
  event.detail.issueRequest(true);
});

document.addEventListener("htmx:configRequest", (event) => {
  const id = application.currentId();
  if (!id) return;
  event.detail.headers["Miz-Application"] = id;
  if ("application" in event.detail.parameters) event.detail.parameters.application = id;
});

// A form that is sent before htmx has seen it says who asks, too.
document.addEventListener("submit", (event) => {
  const field = event.target.elements.application;
  if (field && application.currentId()) field.value = application.currentId();
}, true);

// What asked may be refreshed away before its answer comes, and with it what htmx knows of it: then the page would come and the address stay.
document.addEventListener("htmx:beforeRequest", ({ detail: { boosted, elt } }) => {
  if (boosted && !elt.closest("[hx-push-url]")) elt.setAttribute("hx-push-url", "true");
});

// An answer that comes after the page was left belongs to another patient: it is dropped.
const askedFrom = new WeakMap();
document.addEventListener("htmx:beforeRequest", (event) => askedFrom.set(event.detail.xhr, location.pathname));
document.addEventListener("htmx:beforeSwap", (event) => {
  if (askedFrom.get(event.detail.xhr) !== location.pathname) event.detail.shouldSwap = false;
  if (event.detail.xhr.status !== 401) return;
  event.detail.shouldSwap = false;
  application.askToSignIn(event.detail.xhr.getResponseHeader("Miz-Problem"));
});

// A dialog's content arrives as a fragment; an empty one closes it.
document.addEventListener("htmx:afterSwap", (event) => {
  const dialog = document.getElementById("dialog");
  if (event.detail.target !== dialog || dialog.childElementCount === 0) return;
  if (dialog.open) dialog.querySelector("[autofocus]")?.focus();
  else dialog.showModal();
});
document.addEventListener("click", (event) => {
  const closing = event.target.closest("[data-close-dialog]");
  const dialog = closing?.closest("dialog");
  if (dialog) {
    event.preventDefault();
    event.stopPropagation();
    dialog.close();
  }
  // A menu has done its work once something was chosen in it.
  if (event.target.closest(".menu a, .record-menu a")) event.target.closest("details").open = false;
}, true);
document.addEventListener("htmx:afterRequest", (event) => {
  const dialog = document.getElementById("dialog");
  const isOver = event.detail.successful && event.detail.requestConfig.verb !== "get" && event.detail.target !== dialog;
  if (isOver && dialog?.open) dialog.close();
});
document.addEventListener("close", (event) => event.target.id === "dialog" && event.target.replaceChildren(), true);

// What can be taken back is offered for ten seconds.
let fading = null;
document.addEventListener("htmx:load", () => {
  const toast = document.querySelector("#toast > div");
  if (!toast || toast === fading) return;
  fading = toast;
  setTimeout(() => toast.remove(), 10_000);
});

// The patient bar grows with what it says; what the Tab key reaches is scrolled clear of it.
const bar = new ResizeObserver(([{ target }]) => {
  const isOnTop = getComputedStyle(target).position === "sticky";
  document.documentElement.style.scrollPaddingBlockStart = isOnTop ? `${target.offsetHeight + 8}px` : "";
});
document.addEventListener("htmx:load", () => {
  bar.disconnect();
  document.querySelectorAll(".patient-head").forEach((head) => bar.observe(head));
});

// The cursor goes to where the next entry is typed.
const focusOn = (...selectors) => selectors.map((selector) => document.querySelector(selector)).find(Boolean)?.focus({ preventScroll: true });
document.addEventListener("htmx:afterRequest", (event) => {
  const after = event.detail.requestConfig.elt.dataset?.focusAfter;
  if (after && event.detail.successful) focusOn(after);
  else if (event.detail.successful && document.activeElement === document.body) {
    if (event.detail.boosted) focusOn("[data-first]", "main");
    // What had the focus is gone with what was done to it.
    else if (event.detail.requestConfig.verb !== "get" && event.detail.requestConfig.elt.matches?.("form")) focusOn("#list");
  }
});

drafts.restoreAll();

// htmx rejects with nothing when a request got no answer; drafts.js keeps what was typed and live.js tells the person.
window.addEventListener("unhandledrejection", (event) => {
  if (event.reason === undefined) event.preventDefault();
});
