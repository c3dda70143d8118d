// Renaming, deleting and resuming a run.
"use strict";
(() => {
  const place = document.querySelector(".manage");
  if (!place) return;
  const said = document.getElementById("managed");
  const api = `/training/api/run/${encodeURIComponent(place.dataset.run)}`;

  async function post(url, content) {
    const answer = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content) }).catch(() => null);
    if (!answer) return { error: "the server does not respond" };
    return answer.json();
  }

  const copy = document.getElementById("copy");
  copy.addEventListener("click", async () => {
    const done = await navigator.clipboard?.writeText(copy.dataset.command).then(() => true, () => false);
    said.textContent = done ? `copied: ${copy.dataset.command}` : copy.dataset.command;  // to be copied by hand
  });
  document.getElementById("rename").addEventListener("submit", async (event) => {
    event.preventDefault();
    const reply = await post(`${api}/rename`, { to: event.target.elements.to.value });
    if (reply.name) location.href = `/training/run/${encodeURIComponent(reply.name)}`; else said.textContent = reply.error;
  });
  document.getElementById("delete").addEventListener("submit", async (event) => {
    event.preventDefault();
    const reply = await post(`${api}/delete`, { confirm: event.target.elements.confirm.value });
    if (reply.deleted) location.href = "/training"; else said.textContent = reply.error;
  });
})();
