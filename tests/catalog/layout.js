// Checks of the page's layout, which needs no browser: `node tests/catalog/layout.js src/catalog/page/layout.js`.
'use strict';

const assert = require('node:assert');
const Layout = require(require('node:path').resolve(process.argv[2]));

// A chain of four assets with twenty columns each, a hundred times, as a pipeline of many tables has.
function flows(count) {
  const assets = [], edges = [];
  const id = (flow, step) => `f${flow}s${step}`;
  const column = (flow, step, index) => `${id(flow, step)}.c${index}`;
  const columns = [...Array(20).keys()];
  for (let flow = 0; flow < count; flow++) {
    for (let step = 0; step < 4; step++) {
      assets.push({ id: id(flow, step), columns: columns.map((index) => ({ fqn: column(flow, step, index), name: `c${index}` })) });
      if (step === 0) continue;
      // Only the last columns are mapped: they are the ones that must be shown.
      const mapped = columns.slice(15).map((index) => ({ fromColumns: [column(flow, step - 1, index)], toColumn: column(flow, step, index) }));
      edges.push({ from: id(flow, step - 1), to: id(flow, step), columns: mapped });
    }
  }
  return { assets, edges };
}

const { assets, edges } = flows(250);
const begin = performance.now();
const plan = Layout.place(assets, edges);
console.log(`1000 assets placed in ${Math.round(performance.now() - begin)} ms`);
assert.strictEqual(plan.nodes.size, 1000);
for (const { from, to } of edges) {
  assert(plan.nodes.get(from).x < plan.nodes.get(to).x, `${from} stands left of ${to}`);
}
for (const edge of edges) {
  for (const { toColumn } of edge.columns) assert(plan.columns.has(toColumn), `${toColumn} is shown, as an edge leads to it`);
}

// Nothing stands on anything else.
const byLayer = new Map();
for (const node of plan.nodes.values()) byLayer.set(node.x, [...(byLayer.get(node.x) || []), node]);
for (const nodes of byLayer.values()) {
  nodes.sort((a, b) => a.y - b.y);
  nodes.slice(1).forEach((node, index) => assert(nodes[index].y + nodes[index].height < node.y, 'two assets overlap'));
}

// What a rectangle touches, and nothing else.
const [first] = byLayer.values();
const seen = Layout.within(plan, first[0].x, first[0].y, first[0].x + 1, first[1].y + 1).map((node) => node.asset.id);
assert.deepStrictEqual(seen.sort(), [first[0].asset.id, first[1].asset.id].sort());
assert.deepStrictEqual(Layout.within(plan, -500, -500, 0, 0), []);

// A chain goes both ways and no further.
const chain = Layout.chain(plan.edges, 'f7s1.c16');
assert.deepStrictEqual([...chain.columns].sort(), ['f7s0.c16', 'f7s1.c16', 'f7s2.c16', 'f7s3.c16']);
assert.strictEqual(chain.steps.length, 3);
assert.deepStrictEqual([...Layout.chain(plan.edges, 'f7s1.c1').columns], ['f7s1.c1'], 'a column without a mapping stands alone');

// Circles, edges of assets that are not there, and nothing at all.
const small = flows(1);
small.edges.push({ from: 'f0s3', to: 'f0s0' }, { from: 'gone', to: 'f0s0' });
assert.strictEqual(Layout.place(small.assets, small.edges).nodes.size, 4);
assert.strictEqual(Layout.place([], []).nodes.size, 0);
