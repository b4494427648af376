// Shared by all tabs of a browser: speaks for those that are hidden, because a browser may slow or freeze a hidden page.
// A tab counts as there while it holds the lock of its application's name; the lock goes with the tab, however it ends.
const hidden = new Map();

onconnect = ({ ports: [port] }) => {
  port.onmessage = ({ data: { id, isHidden, everySeconds } }) => {
    clearInterval(hidden.get(id));
    hidden.delete(id);
    if (isHidden) hidden.set(id, setInterval(() => speakFor(id), everySeconds * 1000));
  };
};

async function speakFor(id) {
  const { held } = await navigator.locks.query();
  if (!held.some(({ name }) => name === `miz-application-${id}`)) {
    clearInterval(hidden.get(id));
    hidden.delete(id);
    return;
  }
  // Without an answer the next turn tries again; the page says what is wrong once it is looked at.
  await fetch(`/api/v1/applications/${id}/heartbeat`, { method: "POST", headers: { "Miz-Background": "1" } }).catch(() => {});
}
