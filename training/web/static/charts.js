// Draws every figure.chart of the page and redraws it while runs train.
"use strict";
(() => {
  const EVERY_MS = 2500;
  const COLOURS = ["#3b82c4", "#d9772b", "#3d9a6a", "#c2476b", "#8a63c9", "#9a8a1f", "#1c9a9a", "#b0603a", "#6a7f92", "#cc5fb0"];
  const place = document.getElementById("charts");
  const runs = JSON.parse(place.dataset.runs);
  const comparing = place.dataset.mode === "compare";
  const field = (id) => document.getElementById(id);
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const charts = [...place.querySelectorAll("figure.chart")].map((figure) => ({
    figure,
    plot: figure.querySelector(".plot"),
    keys: JSON.parse(figure.dataset.keys),
    zones: JSON.parse(figure.dataset.zones),
    span: JSON.parse(figure.dataset.span),
    drawn: null,
    form: "",
  }));
  let data = { runs: [], small: [], big: [], curves: [] };

  const words = (key) => key.split("/").pop().replace(/^episode_|_mean$/g, "").replaceAll("_", " ");
  const height = (chart) => (isBig(chart) ? 360 : 190);

  function curvesOf(chart, options) {
    const scale = options.by === "seconds" ? 1 / options.unit.size : 1;
    const found = (isBig(chart) ? data.big : data.small).filter((one) => chart.keys.includes(one.key)).map((one) => ({
      run: one.run,
      label: comparing ? one.run : words(one.key),
      colour: COLOURS[(comparing ? runs.indexOf(one.run) : chart.keys.indexOf(one.key)) % COLOURS.length],
      x: options.by === "seconds" ? one.seconds.map((value) => value * scale) : one.step,
      raw: options.log ? Curves.positive(one.value) : one.value,
    }));
    for (const curve of found) {
      ({ x: curve.x, y: curve.raw } = Curves.known({ x: curve.x, y: curve.raw }));
      curve.y = Curves.smooth(curve.raw, options.smooth);
    }
    return found.filter((curve) => curve.x.length);
  }

  const newest = (values) => { for (let at = values.length - 1; at >= 0; at--) if (values[at] != null) return values[at]; return null; };

  const value = (u, shown, series, index) => Curves.short(index === null ? newest(u.data[series]) : shown);

  function range(chart, log) {
    if (log) return { distr: 3 };
    if (chart.span) return { range: chart.span };
    return { range: (_, least, most) => (least === most ? (least ? [least - Math.abs(least) / 5, least + Math.abs(least) / 5] : [0, 1]) : uPlot.rangeNum(least, most, 0.1, true)) };
  }

  // -> {tables: [[x, y], ...], series: [...], bands: [...]} as uPlot expects.
  function layout(chart, options) {
    const found = curvesOf(chart, options);
    const line = (label, colour, more = {}) => ({ label, stroke: colour, width: 1.8, spanGaps: true, points: { show: false }, value, ...more });
    const dots = (x, colour) => (x.length < 30 ? { points: { show: true, size: 5, fill: colour } } : {});  // a single point draws no line
    const parts = { tables: [], series: [], bands: [] };
    const add = (x, y, series) => { parts.tables.push([x, y]); parts.series.push(series); return parts.series.length; };
    if (comparing && options.bands) {
      const families = new Map();
      for (const curve of found) {
        const about = data.runs.find((run) => run.name === curve.run);
        if (!families.has(about.family)) families.set(about.family, { label: about.label, curves: [] });
        families.get(about.family).curves.push(curve);
      }
      for (const [, family] of families) {
        const colour = family.curves[0].colour;
        const band = Curves.band(family.curves);
        add(band.x, band.mean, line(`${family.label} (${family.curves.length})`, colour, dots(band.x, colour)));
        if (family.curves.length < 2) continue;
        const edge = { width: 0.5, alpha: 0.5 };
        const high = add(band.x, band.high, line("most", colour, edge));
        const low = add(band.x, band.low, line("least", colour, edge));
        parts.bands.push({ series: [high, low], fill: `${colour}30` });
      }
      return parts;
    }
    for (const curve of found) {
      if (options.smooth && found.length <= 4) add(curve.x, curve.raw, line("", curve.colour, { width: 1, alpha: 0.25, class: "raw" }));
      add(curve.x, curve.y, line(curve.label, curve.colour, dots(curve.x, curve.colour)));
    }
    return parts;
  }

  function zonesBehind(zones) {
    return (u) => {
      const { left, top, width, height: tall } = u.bbox;
      for (const [from, to, level] of zones) {
        const clamp = (value, edge) => (value === null ? edge : Math.min(top + tall, Math.max(top, u.valToPos(value, "y", true))));
        const [above, below] = [clamp(to, top), clamp(from, top + tall)];
        u.ctx.fillStyle = css(`--zone-${level}`);
        u.ctx.fillRect(left, above, width, below - above);
      }
    };
  }

  function draw(chart, options) {
    const parts = layout(chart, options);
    const empty = !parts.tables.length;
    chart.figure.classList.toggle("none", empty);
    if (empty) {
      chart.drawn?.destroy();
      chart.drawn = null;
      chart.form = "";
      return;
    }
    const table = uPlot.join(parts.tables);
    const form = JSON.stringify([parts.series.map((one) => [one.label, one.points]), options, css("--text")]);
    describe(chart, parts);
    if (chart.drawn && chart.form === form) {
      chart.drawn.setData(table);
      return;
    }
    chart.drawn?.destroy();
    chart.form = form;
    const grid = { stroke: css("--line"), width: 1 };
    const axis = { stroke: css("--muted"), grid, ticks: grid, font: "11px system-ui, sans-serif" };
    chart.drawn = new uPlot({
      width: Math.max(120, chart.plot.clientWidth),
      height: height(chart),
      scales: { x: { time: false }, y: range(chart, options.log) },
      series: [{ label: options.by === "seconds" ? options.unit.name : "steps", value }, ...parts.series],
      bands: parts.bands,
      axes: [
        { ...axis, values: (_, ticks) => ticks.map((tick) => Curves.short(tick)), space: 60 },
        { ...axis, values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : Curves.short(tick))), size: 52 },
      ],
      cursor: { sync: { key: "runs" }, points: { size: 6 } },
      legend: { live: true },
      hooks: { drawClear: [zonesBehind(chart.zones)] },
    }, table, chart.plot);
  }

  function describe(chart, parts) {
    const latest = parts.series.map((one, index) => {
      const [xs, ys] = parts.tables[index];
      return one.label ? `${one.label} ${Curves.short(ys[ys.length - 1])} at ${Curves.short(xs[xs.length - 1])}` : "";
    });
    chart.plot.setAttribute("aria-label", `${chart.figure.dataset.title}: ${latest.filter(Boolean).join("; ")}`);
    chart.figure.dataset.points = Math.max(...parts.tables.map(([xs]) => xs.length));
    chart.figure.dataset.series = parts.series.filter((one) => one.label).length;
  }

  function options() {
    const longest = Math.max(0, ...data.curves.map((one) => one.seconds[one.seconds.length - 1] || 0));
    const unit = longest > 7200 ? { name: "hours", size: 3600 } : longest > 180 ? { name: "minutes", size: 60 } : { name: "seconds", size: 1 };
    return {
      by: field("by").value, smooth: Number(field("smooth").value), log: field("log").checked,
      bands: Boolean(field("bands")?.checked), unit,
    };
  }

  function drawAll() {
    const now = options();
    field("smooth-value").textContent = now.smooth.toFixed(2);
    for (const chart of charts) draw(chart, now);
  }

  const isBig = (chart) => chart.figure.classList.contains("big");

  // Curves for the charts of one size: large charts show more points.
  async function fetched(some, points) {
    const query = new URLSearchParams(runs.map((name) => ["run", name]));
    for (const key of new Set(some.flatMap((chart) => chart.keys))) if (key) query.append("key", key);
    if (!query.has("key")) return { runs: [], curves: [] };
    query.set("points", points);
    const answer = await fetch(`/training/api/curves?${query}`).catch(() => null);
    return answer && answer.ok ? answer.json() : null;
  }

  async function load() {
    const [small, big] = await Promise.all([
      fetched(charts.filter((chart) => !isBig(chart)), 400), fetched(charts.filter(isBig), 1000),
    ]);
    if (!small || !big) return;
    data = { runs: big.runs.length ? big.runs : small.runs, small: small.curves, big: big.curves, curves: [...small.curves, ...big.curves] };
    drawAll();
  }

  for (const id of ["by", "smooth", "log", "bands"]) field(id)?.addEventListener("input", drawAll);
  field("key")?.addEventListener("change", () => {
    const chart = charts.find(isBig);
    chart.keys = [field("key").value];
    chart.figure.dataset.title = field("key").value;
    chart.figure.querySelector("figcaption").textContent = field("key").value;
    load();
  });
  for (const chart of charts) {
    new ResizeObserver(() => chart.drawn?.setSize({ width: Math.max(120, chart.plot.clientWidth), height: height(chart) })).observe(chart.plot);
    chart.plot.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!by || !chart.drawn) return;
      event.preventDefault();
      const xs = chart.drawn.data[0];
      const now = chart.drawn.cursor.idx ?? (by > 0 ? -1 : xs.length);
      const next = Math.min(xs.length - 1, Math.max(0, now + by));
      chart.drawn.setCursor({ left: chart.drawn.valToPos(xs[next], "x"), top: height(chart) / 3 });
    });
  }
  document.addEventListener("themechange", drawAll);
  document.addEventListener("runchange", load);
  load();
  setInterval(() => {
    if (!document.hidden && comparing && data.runs.some((run) => run.status === "running")) load();
  }, EVERY_MS);
})();
