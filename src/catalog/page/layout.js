// Where everything stands: pure functions from the graph to numbers, without the document, so that they can be tested by themselves.
'use strict';

const Layout = (() => {
  const WIDTH = 230, GAP_X = 150, GAP_Y = 18, HEAD = 38, ROW = 18, MOST_ROWS = 12, MARGIN = 20;

  // Column of the picture for each asset: one more than the furthest of what it comes from. Edges that close a circle do not count.
  function layers(ids, edges) {
    const next = new Map(ids.map((id) => [id, []]));
    const waiting = new Map(ids.map((id) => [id, 0]));
    for (const { from, to } of edges) {
      next.get(from).push(to);
      waiting.set(to, waiting.get(to) + 1);
    }
    const layer = new Map(ids.map((id) => [id, 0]));
    const done = new Set();
    let ready = ids.filter((id) => waiting.get(id) === 0);
    while (done.size < ids.length) {
      // Only circles are left: one of them is opened where it begins in the list.
      if (ready.length === 0) ready = [ids.find((id) => !done.has(id))];
      const following = [];
      for (const id of ready) {
        if (done.has(id)) continue;
        done.add(id);
        for (const other of next.get(id)) {
          if (done.has(other)) continue;
          layer.set(other, Math.max(layer.get(other), layer.get(id) + 1));
          waiting.set(other, waiting.get(other) - 1);
          if (waiting.get(other) === 0) following.push(other);
        }
      }
      ready = following;
    }
    return layer;
  }

  // Order within each layer: by the mean place of the neighbours, swept there and back, so that few edges cross.
  function order(ids, edges, layer) {
    const rows = [];
    for (const id of ids) (rows[layer.get(id)] ||= []).push(id);
    const before = new Map(ids.map((id) => [id, []])), after = new Map(ids.map((id) => [id, []]));
    for (const { from, to } of edges) { after.get(from).push(to); before.get(to).push(from); }
    const place = new Map();
    const number = (row) => row.forEach((id, index) => place.set(id, index / Math.max(1, row.length - 1)));
    rows.forEach(number);
    const sweep = (row, neighbours) => {
      const wish = new Map(row.map((id) => {
        const near = neighbours.get(id);
        return [id, near.length ? near.reduce((sum, other) => sum + place.get(other), 0) / near.length : place.get(id)];
      }));
      row.sort((a, b) => wish.get(a) - wish.get(b));
      number(row);
    };
    for (let round = 0; round < 4; round++) {
      rows.forEach((row) => sweep(row, before));
      [...rows].reverse().forEach((row) => sweep(row, after));
    }
    return rows.filter(Boolean);
  }

  function height(asset) {
    return HEAD + Math.min(asset.columns.length, MOST_ROWS + 1) * ROW + 6;
  }

  // Places of assets and columns. Columns beyond the first dozen share one row, except those that take part in an edge.
  function place(assets, edges) {
    const known = new Set(assets.map((asset) => asset.id));
    const drawn = edges.filter((edge) => known.has(edge.from) && known.has(edge.to));
    const used = new Set(drawn.flatMap((edge) => (edge.columns || []).flatMap((map) => [...map.fromColumns, map.toColumn])));
    const byId = new Map(assets.map((asset) => [asset.id, asset]));
    const ids = assets.map((asset) => asset.id);
    const rows = order(ids, drawn, layers(ids, drawn));
    const nodes = new Map(), columns = new Map();
    let bottom = 0;
    rows.forEach((row, at) => {
      let y = MARGIN;
      for (const id of row) {
        const asset = byId.get(id);
        const first = [...asset.columns].sort((a, b) => used.has(b.fqn) - used.has(a.fqn)).slice(0, MOST_ROWS);
        const shown = asset.columns.filter((column) => first.includes(column));
        const node = { asset, x: MARGIN + at * (WIDTH + GAP_X), y, width: WIDTH, height: height(asset), shown, hidden: asset.columns.length - shown.length };
        nodes.set(id, node);
        shown.forEach((column, index) => columns.set(column.fqn, { node, column, y: y + HEAD + index * ROW, height: ROW }));
        y += node.height + GAP_Y;
      }
      bottom = Math.max(bottom, y);
    });
    return { nodes, columns, edges: drawn, width: MARGIN * 2 + rows.length * (WIDTH + GAP_X) - GAP_X, height: bottom + MARGIN };
  }

  // Assets that a rectangle of the picture touches.
  function within(plan, left, top, right, bottom) {
    return [...plan.nodes.values()].filter(({ x, y, width, height }) => x < right && x + width > left && y < bottom && y + height > top);
  }

  // Every column that one comes from and goes to, and the steps between them.
  function chain(edges, start) {
    const steps = edges.flatMap((edge) => (edge.columns || []).flatMap((map) => map.fromColumns.map((from) => ({ from, to: map.toColumn, edge }))));
    const columns = new Set([start]), taken = new Set();
    for (const [near, far] of [['from', 'to'], ['to', 'from']]) {
      let reached = [start];
      const passed = new Set(reached);
      while (reached.length) {
        const found = [];
        for (const step of steps) {
          if (!reached.includes(step[near])) continue;
          taken.add(step);
          if (!passed.has(step[far])) { passed.add(step[far]); columns.add(step[far]); found.push(step[far]); }
        }
        reached = found;
      }
    }
    return { columns, steps: [...taken] };
  }

  // A curve from the right side of one thing to the left side of another; backwards it goes around.
  function curve(x1, y1, x2, y2) {
    const bend = Math.max(40, Math.abs(x2 - x1) / 2);
    return `M${x1},${y1}C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`;
  }

  return { layers, order, place, within, chain, curve, HEAD, ROW };
})();

if (typeof module !== 'undefined') module.exports = Layout;
