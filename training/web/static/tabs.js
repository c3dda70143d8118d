// The index of a run's page: it follows the reader, and on a narrow screen its entries are tabs.
"use strict";
(() => {
  const index = document.getElementById("index");
  const links = [...index.querySelectorAll("a")];
  const parts = links.map((link) => document.querySelector(link.getAttribute("href")));
  const narrow = matchMedia("(max-width: 46rem)");
  let clicked = false;
  let chosen = Math.max(0, links.findIndex((link) => link.getAttribute("href") === location.hash));

  function show() {
    links.forEach((link, at) => {
      if (at === chosen) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
      parts[at].classList.toggle("aside", narrow.matches && at !== chosen);
    });
  }

  index.addEventListener("click", (event) => {
    const at = links.indexOf(event.target.closest("a"));
    if (at < 0) return;
    chosen = at;
    clicked = true;
    if (narrow.matches) {
      event.preventDefault();
      history.replaceState(null, "", links[at].getAttribute("href"));
      index.scrollIntoView();
    }
    show();
  });
  narrow.addEventListener("change", show);
  // The last sections cannot be scrolled to the top: what was clicked stays marked until the reader scrolls.
  for (const kind of ["wheel", "touchmove", "keydown"]) document.addEventListener(kind, () => { clicked = false; }, { passive: true });
  document.addEventListener("scroll", () => {
    if (narrow.matches || clicked) return;
    const top = index.getBoundingClientRect().bottom + 40;
    const now = Math.max(0, parts.findLastIndex((part) => part.getBoundingClientRect().top <= top));
    if (now !== chosen) {
      chosen = now;
      show();
    }
  }, { passive: true });
  show();
})();
