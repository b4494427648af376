// Light, dark or as the system, and the language: kept in this browser, for this workplace.
const keep = (name, value) => (document.cookie = `${name}=${value}; Max-Age=31536000; Path=/; SameSite=Lax`);
const root = document.documentElement;
const isDark = () => (root.dataset.theme === "system" ? matchMedia("(prefers-color-scheme: dark)").matches : root.dataset.theme === "dark");

function setTheme(theme) {
  root.dataset.theme = theme;
  keep("miz_theme", theme);
  for (const choice of document.querySelectorAll("[data-theme-choice]")) choice.checked = choice.value === theme;
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-toggle-theme]")) setTheme(isDark() ? "light" : "dark");
  const menu = event.target.closest(".menu, .record-menu");
  for (const open of document.querySelectorAll(":is(.menu, .record-menu)[open]")) if (open !== menu) open.open = false;
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-theme-choice]")) setTheme(event.target.value);
  if (event.target.matches("[data-language-choice]")) {
    keep("miz_language", event.target.value);
    location.reload();
  }
});
// The place is kept on the machine.
document.addEventListener("submit", (event) => {
  const chosen = event.target.querySelector("select[data-remember]");
  if (chosen) localStorage.setItem("miz.workplace", chosen.value);
});

const place = document.querySelector("select[data-remember]");
const remembered = localStorage.getItem("miz.workplace");
if (place && remembered && [...place.options].some((option) => option.value === remembered)) place.value = remembered;
