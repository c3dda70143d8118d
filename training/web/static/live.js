// Live play: shows what the process plays, and sends it the keys and buttons of a person.
"use strict";
(() => {
  const place = document.getElementById("play");
  const run = place.dataset.run;
  const names = JSON.parse(place.dataset.buttons);
  const api = `/training/api/run/${encodeURIComponent(run)}/live`;
  const field = (id) => document.getElementById(id);
  const message = field("message");
  const DO = { p: "pause", n: "step", "-": "slower", "+": "faster", "=": "faster", t: "hand", d: "demonstration", z: "moment" };
  const PRESS = { ArrowUp: "up", ArrowDown: "down", ArrowLeft: "left", ArrowRight: "right", a: "a", s: "b", Enter: "start" };
  const SHADES = [0, 85, 170, 255];
  let state = {};
  let said = 0;

  async function post(url, content) {
    const answer = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content) }).catch(() => null);
    if (!answer) return { error: "the server does not respond" };
    return answer.json();
  }

  // Commands one after the other, so that a key's release never overtakes its press.
  let queue = Promise.resolve();
  const send = (content) => { queue = queue.then(() => post(`${api}/command`, content)); };

  function tell(text, bad = false) {
    message.textContent = text;
    message.classList.toggle("bad", bad);
    message.setAttribute("role", bad ? "alert" : "status");
  }

  function showPicture(packed) {
    const bytes = atob(packed);
    const pen = field("screen").getContext("2d");
    const image = pen.createImageData(160, 144);
    for (let at = 0; at < 160 * 144; at++) {
      const grey = SHADES[(bytes.charCodeAt(at >> 2) >> (6 - 2 * (at & 3))) & 3];
      image.data.set([grey, grey, grey, 255], 4 * at);
    }
    pen.putImageData(image, 0, 0);
  }

  const tile = (name, text) => { document.querySelector(`[data-tile=${name}]`).textContent = text; };

  function showAction(now) {
    tile("episode", now.episode);
    tile("step", now.step);
    tile("who", now.by_hand ? "you" : "the policy");
    tile("value", now.value.toPrecision(3));
    tile("place", `${now.place.name} ${now.place.x}, ${now.place.y}${now.battle ? ", battle" : ""}`);
    names.forEach((name, index) => {
      const row = document.querySelector(`[data-share="${name}"]`);
      row.classList.toggle("pressed", name === now.button);
      row.querySelector("meter").value = now.probabilities[index];
      row.lastElementChild.textContent = `${Math.round(100 * now.probabilities[index])} %`;
    });
    const sums = field("sums");
    sums.replaceChildren(...Object.entries(now.rewards).map(([name, value]) => {
      const row = document.createElement("tr");
      const head = document.createElement("th");
      head.textContent = name;
      const cell = row.insertCell();
      cell.className = "number";
      cell.textContent = value.toFixed(2);
      row.prepend(head);
      return row;
    }));
    field("milestones").textContent = now.milestones.length ? `Milestones: ${now.milestones.join(", ")}` : "";
    if (now.ended) field("last").textContent = `Episode ${now.episode} ended: ${now.ended}.`;
    showPosition(now.place);
  }

  let shown = null;
  let size = null;
  async function showPosition(at) {
    if (!size || size.map !== at.map) {
      size = { map: at.map };
      const answer = await fetch(`/training/api/run/${encodeURIComponent(run)}/map/${at.map}`).catch(() => null);
      shown = answer && answer.ok ? await answer.json() : null;
    }
    if (!shown || size.map !== at.map) return;
    const draw = () => WorldMap.draw(field("position-map"), run, { ...shown, heat: [], environments: [{ map: at.map, x: at.x, y: at.y, battle: false, trail: [] }] }, draw);
    draw();
  }

  function show(now) {
    const changed = now.step !== state.step || now.episode !== state.episode;
    if (now.picture && now.picture !== state.picture) showPicture(now.picture);
    if (changed && now.step) showAction(now);
    if (now.ready && !state.ready) tell(`Plays the checkpoint at ${now.checkpoint.toLocaleString("en")} steps.`);
    if (now.said && now.said_number !== said) {
      said = now.said_number;
      tell(now.said);
    }
    if (now.speed) field("speed").textContent = now.speed;
    field("pause").firstChild.textContent = now.paused ? "Go on " : "Pause ";
    field("hand").firstChild.textContent = now.hand ? "Give back " : "Take over ";
    place.classList.toggle("by-hand", Boolean(now.hand));
    place.dataset.state = now.state;
    if (now.failed) tell(now.failed, true);
    state = now;
  }

  async function follow() {
    const begun = await post(api, {});
    if (begun.error) return tell(begun.error, true);
    let after = 0;
    for (;;) {
      const answer = await fetch(`${api}?after=${after}`).catch(() => null);
      if (!answer) return tell("the server does not respond", true);
      const now = await answer.json();
      if (!answer.ok) return tell(now.error, true);
      after = now.number;
      show(now);
      if (now.state === "ended") return null;
      await new Promise((done) => setTimeout(done, 90));  // ten pictures per second at most
    }
  }

  const held = new Set();
  function press(button, down) {
    if (down === held.has(button)) return;
    if (down) held.add(button); else held.delete(button);
    send({ do: down ? "press" : "release", button });
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const onButton = event.target.tagName === "BUTTON" && (event.key === "Enter" || event.key === " ");
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (onButton || !(key in DO || key in PRESS)) return;
    event.preventDefault();
    if (key in PRESS) press(PRESS[key], true); else if (!event.repeat) send({ do: DO[key] });
  });
  document.addEventListener("keyup", (event) => {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (key in PRESS) press(PRESS[key], false);
  });
  window.addEventListener("blur", () => { for (const button of [...held]) press(button, false); });
  for (const button of document.querySelectorAll("[data-do]")) button.addEventListener("click", () => send({ do: button.dataset.do }));
  for (const button of document.querySelectorAll("[data-button]")) {
    button.addEventListener("pointerdown", () => press(button.dataset.button, true));
    for (const over of ["pointerup", "pointerleave", "pointercancel"]) button.addEventListener(over, () => press(button.dataset.button, false));
  }
  field("end").addEventListener("click", () => post(`${api}/end`, {}));
  follow();
})();
