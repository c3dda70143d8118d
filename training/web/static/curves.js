// Arithmetic on curves: smoothing, logarithms, bands over seeds. A curve is {label, x: [], y: []}.
"use strict";
const Curves = (() => {
  // Exponential moving average with bias correction, like TensorBoard's.
  function smooth(values, weight) {
    if (!weight) return values;
    let sum = 0;
    let mass = 0;
    return values.map((value) => {
      if (value === null) return null;
      sum = sum * weight + (1 - weight) * value;
      mass = mass * weight + (1 - weight);
      return sum / mass;
    });
  }

  const positive = (values) => values.map((value) => (value !== null && value > 0 ? value : null));

  // Linear interpolation at an x within a curve that has a value at every point.
  function at(curve, x) {
    const { x: xs, y: ys } = curve;
    let low = 0;
    let high = xs.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (xs[middle] <= x) low = middle; else high = middle;
    }
    const [a, b] = [ys[low], ys[high]];
    return xs[high] === xs[low] ? b : a + ((b - a) * (x - xs[low])) / (xs[high] - xs[low]);
  }

  // The points of a curve that have a value.
  const known = (curve) => {
    const kept = curve.x.map((_, index) => index).filter((index) => curve.y[index] !== null);
    return { x: kept.map((index) => curve.x[index]), y: kept.map((index) => curve.y[index]) };
  };

  // The mean of several curves with minimum and maximum, where all of them have values: where one starts
  // or ends, the mean of the others would jump.
  function band(given, most = 600) {
    const curves = given.map(known).filter((curve) => curve.x.length);
    const first = Math.max(...curves.map((curve) => curve.x[0]));
    const last = Math.min(...curves.map((curve) => curve.x[curve.x.length - 1]));
    let grid = [...new Set(curves.flatMap((curve) => curve.x))].filter((x) => x >= first && x <= last).sort((a, b) => a - b);
    const every = Math.ceil(grid.length / most);
    if (every > 1) grid = grid.filter((_, index) => index % every === 0 || index === grid.length - 1);
    const found = { x: grid, mean: [], low: [], high: [] };
    for (const x of grid) {
      const values = curves.map((curve) => at(curve, x));
      found.mean.push(values.reduce((a, b) => a + b, 0) / values.length);
      found.low.push(Math.min(...values));
      found.high.push(Math.max(...values));
    }
    return found;
  }

  function short(value) {
    if (value === null || value === undefined || !Number.isFinite(value)) return "–";
    const size = Math.abs(value);
    if (size >= 1e9) return `${+(value / 1e9).toPrecision(3)}G`;
    if (size >= 1e6) return `${+(value / 1e6).toPrecision(3)}M`;
    if (size >= 1e4) return `${+(value / 1e3).toPrecision(3)}k`;
    return `${+value.toPrecision(4)}`;
  }

  return { smooth, positive, known, band, short };
})();
