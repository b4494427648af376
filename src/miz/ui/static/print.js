// Printing: the head says when, every page says who, and what is folded on the screen is open on paper.
const opened = [];
const everyPage = new CSSStyleSheet();
document.adoptedStyleSheets.push(everyPage);
const quoted = (text) => `"${text.replace(/[\\"]/g, "\\$&").replace(/\s+/g, " ")}"`;

addEventListener("beforeprint", () => {
  const now = new Date().toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
  for (const place of document.querySelectorAll("[data-now]")) place.textContent = now;
  const who = document.querySelector("[data-print-name]")?.dataset.printName;
  everyPage.replaceSync(who ? `@page { @bottom-left { content: ${quoted(who)}; font: 9.5pt sans-serif; } }` : "");
  for (const part of document.querySelectorAll("main details:not([open])")) {
    part.open = true;
    opened.push(part);
  }
});
addEventListener("afterprint", () => {
  for (const part of opened.splice(0)) part.open = false;
});

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-print]")) return;
  for (const menu of document.querySelectorAll(".record-menu[open]")) menu.open = false;
  print();
});
// Who opens the menu by its key goes on with the keyboard.
document.addEventListener("toggle", ({ target }) => target.id === "print-menu" && target.open && target.querySelector("a, button").focus(), true);
