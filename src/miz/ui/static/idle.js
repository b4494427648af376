// After a while without input the screen locks: the work stays, nothing is shown.
const WARN_MS = 60_000;
let lastInput = Date.now();

for (const kind of ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"]) {
  addEventListener(kind, () => (lastInput = Date.now()), { passive: true, capture: true });
}

setInterval(async () => {
  const limit = Number(document.body.dataset.idleMinutes) * 60_000;
  if (!limit || !document.body.dataset.user) return;
  const idle = Date.now() - lastInput;
  const warning = document.getElementById("idle-warning");
  if (warning) warning.hidden = idle < limit - WARN_MS;
  if (idle < limit) return;
  document.body.hidden = true;
  await fetch("/lock", { method: "POST", headers: { "Miz-Background": "1" } }).catch(() => {});
  location.replace(`/locked?next=${encodeURIComponent(location.pathname)}`);
}, 5_000);
