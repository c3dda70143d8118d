// Draws maps on a canvas: their pictures, heat, trails and dots. Used by the live map and by live play.
"use strict";
const WorldMap = (() => {
  // From few to many samples, as in the pictures of the run's folder: red, green, blue, opacity.
  const HEAT = [[255, 221, 120, 0.55], [250, 150, 70, 0.66], [214, 62, 78, 0.76], [110, 20, 100, 0.86]];
  const FREE = "#1667c0";
  const FIGHTING = "#d0021b";
  const pictures = new Map();

  function heatColour(share) {
    const at = Math.min(0.9999, Math.max(0, share)) * (HEAT.length - 1);
    const [low, high, part] = [HEAT[Math.floor(at)], HEAT[Math.floor(at) + 1], at % 1];
    const [red, green, blue, cover] = low.map((value, index) => value + (high[index] - value) * part);
    return `rgba(${red | 0},${green | 0},${blue | 0},${cover.toFixed(2)})`;
  }

  // The picture of a map, once it has loaded; redraw() is called then.
  function pictureOf(run, number, redraw) {
    const url = `/training/run/${encodeURIComponent(run)}/maps/${number}.png`;
    if (!pictures.has(url)) {
      const image = new Image();
      image.addEventListener("load", redraw);
      image.src = url;
      pictures.set(url, image);
    }
    const found = pictures.get(url);
    return found.complete && found.naturalWidth ? found : null;
  }

  // data: {maps, environments, heat, scale}; the canvas is as large as its maps.
  function draw(canvas, run, data, redraw) {
    const { maps, environments, heat } = data;
    const scale = data.scale;
    const across = Math.max(1, ...maps.map((one) => one.left + one.width));
    const down = Math.max(1, ...maps.map((one) => one.top + one.height));
    if (canvas.width !== across * scale || canvas.height !== down * scale) {
      canvas.width = across * scale;
      canvas.height = down * scale;
    }
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, canvas.width, canvas.height);
    const places = new Map(maps.map((one) => [one.map_id, one]));
    for (const one of maps) {
      const picture = pictureOf(run, one.map_id, redraw);
      if (picture) pen.drawImage(picture, one.left * scale, one.top * scale, one.width * scale, one.height * scale);
    }
    // Middle of a tile, or null off the maps.
    const spot = (map, x, y) => {
      const place = places.get(map);
      if (!place || x >= place.width || y >= place.height) return null;
      return [(place.left + x + 0.5) * scale, (place.top + y + 0.5) * scale];
    };
    // Through doors there is no line: only within a map, and between towns and routes.
    const linked = (from, to) => (from.map === to.map || (places.get(from.map).outside && places.get(to.map).outside))
      && Math.hypot(to.at[0] - from.at[0], to.at[1] - from.at[1]) < 24 * scale;
    const most = Math.log1p(Math.max(1, ...heat.map((row) => row[3])));
    for (const [map, x, y, count] of heat) {
      const at = spot(map, x, y);
      if (!at) continue;
      pen.fillStyle = heatColour(Math.log1p(count) / most);
      pen.fillRect(at[0] - scale / 2, at[1] - scale / 2, scale, scale);
    }
    pen.lineWidth = scale / 3;
    pen.strokeStyle = `${FREE}80`;
    for (const one of environments) {
      let before = null;
      pen.beginPath();
      for (const [map, x, y] of [...one.trail, [one.map, one.x, one.y]]) {
        const at = spot(map, x, y);
        if (at && before && linked(before, { map, at })) pen.lineTo(...at); else if (at) pen.moveTo(...at);
        before = at && { map, at };
      }
      pen.stroke();
    }
    for (const one of environments) {
      const at = spot(one.map, one.x, one.y);
      if (!at) continue;
      pen.beginPath();
      pen.arc(at[0], at[1], scale * 0.8, 0, 2 * Math.PI);
      pen.fillStyle = one.battle ? FIGHTING : FREE;
      pen.fill();
      pen.lineWidth = 2;
      pen.strokeStyle = "#ffffff";
      pen.stroke();
    }
  }

  return { draw, heatColour };
})();
