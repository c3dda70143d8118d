// The map of a run's environments on its page, renewed while the run trains.
"use strict";
(() => {
  const EVERY_MS = 2500;
  const place = document.getElementById("livemap");
  const said = document.getElementById("livemap-said");
  const canvas = document.getElementById("livemap-canvas");
  const url = `/training/api/run/${encodeURIComponent(place.dataset.run)}/map`;
  let data = null;

  const draw = () => { if (data) WorldMap.draw(canvas, place.dataset.run, data, draw); };

  async function renew() {
    const answer = await fetch(url).catch(() => null);
    if (!answer || !answer.ok) return;
    data = await answer.json();
    place.hidden = !data.environments.length;
    if (place.hidden) return;
    const count = data.environments.length;
    const when = data.live ? "now" : data.age < 120 ? `${Math.round(data.age)} s ago` : "when the run last wrote";
    said.textContent = `${count} environment${count > 1 ? "s" : ""}, ${when}, at ${(data.steps ?? 0).toLocaleString("en")} steps`;
    canvas.dataset.steps = data.steps;
    canvas.dataset.environments = count;
    canvas.dataset.heat = data.heat.length;
    canvas.setAttribute("aria-label", `Map of ${count} environments on ${new Set(data.environments.map((one) => one.map)).size} maps`);
    draw();
  }

  const running = () => document.querySelector("#live .state")?.dataset.status === "running";
  if (!place.hidden) renew();
  setInterval(() => { if (!document.hidden && (running() || (data && data.live))) renew(); }, EVERY_MS);
})();
