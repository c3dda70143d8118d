// The list: filters while typing, remembers the selected runs, and updates itself.
"use strict";
(() => {
  const EVERY_MS = 3000;
  const filter = document.getElementById("filter");
  const place = document.getElementById("runs");
  const form = document.getElementById("chosen");
  const bar = { count: document.getElementById("count"), clear: document.getElementById("clear"), compare: document.getElementById("compare") };
  const chosen = new Set(JSON.parse(sessionStorage.getItem("chosen") || "[]"));
  let shown = "";
  let newest = 0;

  function showChosen() {
    for (const box of place.querySelectorAll("input[name=run]")) box.checked = chosen.has(box.value);
    bar.count.textContent = chosen.size ? `${chosen.size} run${chosen.size > 1 ? "s" : ""} selected` : "Select runs to compare";
    bar.clear.hidden = !chosen.size;
    bar.compare.disabled = !chosen.size;
    sessionStorage.setItem("chosen", JSON.stringify([...chosen]));
  }

  async function refresh(url) {
    const asked = ++newest;
    const query = new URL(url, location.href);
    query.searchParams.set("part", "runs");
    const answer = await fetch(query).catch(() => null);
    if (!answer || !answer.ok || asked !== newest) return;
    const text = await answer.text();
    if (text === shown || asked !== newest) return;
    shown = text;
    const focused = document.activeElement && place.contains(document.activeElement) ? document.activeElement : null;
    const same = focused && (focused.dataset.sort ? `a[data-sort="${focused.dataset.sort}"]` : focused.value ? `input[value="${CSS.escape(focused.value)}"]` : focused.getAttribute("href") && `a[href="${CSS.escape(focused.getAttribute("href"))}"]`);
    const scrolled = place.querySelector(".scroll")?.scrollLeft || 0;
    place.innerHTML = text;
    if (place.querySelector(".scroll")) place.querySelector(".scroll").scrollLeft = scrolled;
    if (same) place.querySelector(same)?.focus({ preventScroll: true });
    fold();
    showChosen();
  }

  // Groups that the user closed stay closed when the list is renewed.
  const closed = new Set(JSON.parse(sessionStorage.getItem("closed") || "[]"));
  function fold() {
    for (const group of place.querySelectorAll("[data-group]")) {
      const open = !closed.has(group.dataset.group);
      group.classList.toggle("closed", !open);
      group.querySelector(".fold").setAttribute("aria-expanded", String(open));
    }
    sessionStorage.setItem("closed", JSON.stringify([...closed]));
  }

  function go(url) {
    history.replaceState(null, "", url);
    refresh(url);
  }

  function filtered() {
    const query = new URLSearchParams(new FormData(filter));
    for (const [name, value] of [...query]) if (!value) query.delete(name);
    go(`/training?${query}`);
  }

  let pause;
  filter.addEventListener("input", () => { clearTimeout(pause); pause = setTimeout(filtered, 150); });
  filter.addEventListener("submit", (event) => { event.preventDefault(); filtered(); });
  place.addEventListener("click", (event) => {
    const link = event.target.closest("thead a, .pages a, a.tag");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const query = new URL(link.href).searchParams;
    for (const field of filter.elements) if (field.name) field.value = query.get(field.name) || "";
    go(link.href);
  });
  place.addEventListener("click", (event) => {
    const name = event.target.closest(".fold") && event.target.closest("[data-group]").dataset.group;
    if (!name) return;
    if (closed.has(name)) closed.delete(name); else closed.add(name);
    fold();
  });
  place.addEventListener("change", (event) => {
    if (event.target.name !== "run") return;
    if (event.target.checked) chosen.add(event.target.value); else chosen.delete(event.target.value);
    showChosen();
  });
  bar.clear.addEventListener("click", () => { chosen.clear(); showChosen(); });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    location.href = `/training/compare?${new URLSearchParams([...chosen].map((name) => ["run", name]))}`;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) {
      event.preventDefault();
      filter.elements.q.focus();
    }
  });
  fold();
  showChosen();
  setInterval(() => { if (!document.hidden) refresh(location.href); }, EVERY_MS);
})();
