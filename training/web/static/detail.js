// The detail page: live figures, tags and replays.
"use strict";
(() => {
  const EVERY_MS = 2500;
  const live = document.getElementById("live");
  const episodes = document.getElementById("episodes");
  const form = document.getElementById("tags");
  const run = encodeURIComponent(live.dataset.run);
  const page = `/training/run/${run}`;
  const state = () => live.querySelector(".state").dataset;

  async function textOf(url) {
    const answer = await fetch(url).catch(() => null);
    return answer && answer.ok ? answer.text() : null;
  }

  async function post(url, content) {
    const answer = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content) }).catch(() => null);
    if (!answer) return { error: "the server does not respond" };
    return answer.json();
  }

  async function refresh() {
    const text = await textOf(`${page}?part=live`);
    if (text === null) return;
    const before = { ...state() };
    const open = [...live.querySelectorAll("details")].map((one) => one.open);
    live.innerHTML = text;
    live.querySelectorAll("details").forEach((one, index) => { one.open = open[index] || false; });
    if (state().updated !== before.updated) document.dispatchEvent(new Event("runchange"));
    if (state().status !== before.status) showEpisodes();
  }

  let fresh = null;
  let watched = "";
  async function showEpisodes() {
    const text = await textOf(`${page}/episodes`);
    if (text !== null) episodes.innerHTML = text;
    // The focused button is gone: move the keyboard focus to the video that replaced it.
    if (document.activeElement === document.body) episodes.querySelector(`[data-episode="${CSS.escape(watched)}"] :is(video, button)`)?.focus();
    clearTimeout(fresh);
    if (episodes.querySelector("[data-state=working]")) fresh = setTimeout(watchFor, 1000);
  }

  async function watchFor() {
    for (const one of episodes.querySelectorAll("[data-state=working]")) {
      const text = await textOf(`/training/api/run/${run}/replays/${encodeURIComponent(one.dataset.episode)}`);
      if (text && JSON.parse(text).state !== "working") return showEpisodes();
      if (text) one.querySelector("progress").value = JSON.parse(text).share;
    }
    fresh = setTimeout(watchFor, 1000);
    return null;
  }

  episodes.addEventListener("click", (event) => {
    const { speed } = event.target.dataset;
    if (!speed) return;
    const one = event.target.closest(".episode");
    one.querySelector("video").playbackRate = Number(speed);
    for (const button of one.querySelectorAll("[data-speed]")) button.setAttribute("aria-pressed", String(button === event.target));
  });
  episodes.addEventListener("click", async (event) => {
    if (!event.target.classList.contains("watch")) return;
    event.target.disabled = true;
    const one = event.target.closest("[data-episode]");
    watched = one.dataset.episode;
    const reply = await post(`/training/api/run/${run}/replays`, { episode: one.dataset.episode });
    if (reply.error) event.target.insertAdjacentText("afterend", ` ${reply.error}`); else showEpisodes();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const tags = form.elements.tags.value.split(",").map((tag) => tag.trim()).filter(Boolean);
    const reply = await post(`/training/api/run/${run}/tags`, { tags });
    form.querySelector("[role=status]").textContent = reply.error || "saved";
    if (reply.tags) form.elements.tags.value = reply.tags.join(", ");
  });
  showEpisodes();
  setInterval(() => { if (!document.hidden) refresh(); }, EVERY_MS);
})();
