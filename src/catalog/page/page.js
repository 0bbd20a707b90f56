// Fetches the graph, draws it, and follows the pointer and the keyboard. Text is always set as text, never as markup.
'use strict';

(() => {
  const SVG = 'http://www.w3.org/2000/svg';
  const list = document.getElementById('assets'), canvas = document.getElementById('canvas');
  const search = document.getElementById('search'), summary = document.getElementById('summary');
  const movers = document.getElementById('pipelines');
  let graph = { assets: [], pipelines: [], edges: [] }, plan = null, picture = null, chosen = null, lit = new Set();
  // The pipeline that stays highlighted.
  let kept = null;
  const nodeOf = new Map(), columnOf = new Map(), edgeOf = new Map(), buttonOf = new Map();

  function html(name, text, className) {
    const element = document.createElement(name);
    if (text !== undefined && text !== null) element.textContent = text;
    if (className) element.className = className;
    return element;
  }

  function svg(name, attributes, text) {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return element;
  }

  const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

  // Everything by which an asset is found.
  function words(asset) {
    const columns = asset.columns.flatMap((column) => [column.name, column.description || '', ...column.tags]);
    return [asset.fqn, asset.description, ...asset.tags, ...columns].join('\n').toLowerCase();
  }

  function fits(asset, query) {
    return query.every((word) => asset.words.includes(word));
  }

  function showList(query) {
    const fragment = document.createDocumentFragment();
    let count = 0;
    for (const asset of graph.assets) {
      const fitting = fits(asset, query);
      const drawn = nodeOf.get(asset.id);
      if (drawn) drawn.classList.toggle('found', query.length > 0 && fitting);
      if (!fitting) continue;
      count++;
      fragment.append(item(asset));
    }
    list.replaceChildren(fragment);
    const all = graph.assets.length, edges = graph.edges.length;
    summary.textContent = query.length ? `${count} of ${all} assets` : `${all} assets, ${edges} edges`;
  }

  function item(asset) {
    const entry = html('li'), details = html('details'), title = html('summary', asset.name);
    title.append(' ', html('small', `${asset.kind} in ${asset.service || ''}`));
    for (const tag of asset.tags) title.append(html('span', tag, 'tag'));
    details.append(title);
    // Filled when it is opened: a thousand tables of columns need not be there before anyone looks.
    details.addEventListener('toggle', () => {
      if (!details.open || details.childElementCount > 1) return;
      if (asset.description) details.append(html('p', asset.description));
      if (asset.rows !== null) details.append(html('p', `about ${asset.rows.toLocaleString()} rows`));
      const table = html('table');
      for (const column of asset.columns) {
        const row = html('tr'), name = html('th', column.key ? `${column.name} (key)` : column.name);
        name.scope = 'row';
        if (column.description) name.title = column.description;
        for (const tag of column.tags) name.append(html('span', tag, 'tag'));
        row.append(name, html('td', column.type));
        table.append(row);
      }
      details.append(table);
      if (nodeOf.has(asset.id)) {
        const button = html('button', 'Show in the graph');
        button.addEventListener('click', () => nodeOf.get(asset.id).focus());
        details.append(button);
      }
    });
    entry.append(details);
    return entry;
  }

  // What is known of the last run, in words.
  function told(pipeline) {
    const { state, at, rows, batches } = pipeline;
    if (!state) return 'no run is known';
    const done = [[batches, 'batches'], [rows, 'rows']].filter(([count]) => count != null).map(([count, word]) => `, ${count.toLocaleString()} ${word}`).join('');
    return `${state} ${state === 'Running' ? 'since' : 'at'} ${new Date(at).toLocaleString()}${done}`;
  }

  // A mark beside the word, so that the state does not depend on seeing colours.
  const MARKS = { Running: '▶', Successful: '✓', Failed: '✗', Pending: '…', Skipped: '–' };
  const mark = (pipeline) => `${MARKS[pipeline.state] || '?'} ${pipeline.state || 'no run'}`;

  function showPipelines() {
    buttonOf.clear();
    movers.replaceChildren(...graph.pipelines.map((pipeline) => {
      const entry = html('li'), button = html('button'), edges = graph.edges.filter((edge) => edge.pipeline === pipeline);
      button.append(html('strong', pipeline.name), ' ', html('small', `in ${pipeline.service || ''}`), ' ', html('span', mark(pipeline), `state ${pipeline.state || ''}`));
      const more = [told(pipeline), `${edges.length} ${edges.length === 1 ? 'edge' : 'edges'}`, ...pipeline.tasks.map((task) => `task ${task.name}: ${task.state}`)];
      button.append(html('small', more.join(' · '), 'more'));
      if (pipeline.error) button.append(html('small', pipeline.error, 'error'));
      button.setAttribute('aria-pressed', 'false');
      if (pipeline.description) button.title = pipeline.description;
      button.addEventListener('mouseenter', () => showMoved(pipeline));
      button.addEventListener('mouseleave', () => showMoved(kept));
      button.addEventListener('focus', () => showMoved(pipeline));
      button.addEventListener('blur', () => showMoved(kept));
      button.addEventListener('click', () => keep(kept === pipeline ? null : pipeline));
      button.addEventListener('keydown', (event) => { if (event.key === 'Escape') keep(null); });
      buttonOf.set(pipeline, button);
      entry.append(button);
      return entry;
    }));
  }

  function keep(pipeline) {
    kept = pipeline;
    for (const [other, button] of buttonOf) button.setAttribute('aria-pressed', String(other === kept));
    showMoved(kept);
  }

  // Everything that a pipeline moves: its edges and their ends.
  function showMoved(pipeline) {
    highlight(null);
    if (!pipeline || !plan) return;
    picture.classList.add('chosen');
    buttonOf.get(pipeline).classList.add('on');
    for (const edge of plan.edges.filter((edge) => edge.pipeline === pipeline)) {
      edgeOf.get(edge).classList.add('on');
      for (const end of [edge.from, edge.to]) nodeOf.get(end).classList.add('on');
    }
  }

  function draw() {
    const linked = new Set(graph.edges.flatMap((edge) => [edge.from, edge.to]));
    const assets = graph.assets.filter((asset) => linked.has(asset.id));
    nodeOf.clear(); columnOf.clear(); edgeOf.clear();
    if (assets.length === 0) {
      canvas.replaceChildren(html('p', 'No lineage yet: it appears here when a pipeline is catalogued.', 'empty'));
      return;
    }
    plan = Layout.place(assets, graph.edges);
    picture = svg('svg', { width: plan.width, height: plan.height, role: 'group', 'aria-label': 'Lineage, from source to destination' });
    const edges = svg('g'), maps = svg('g'), nodes = svg('g');
    maps.id = 'maps';
    for (const edge of plan.edges) edges.append(drawEdge(edge));
    for (const node of plan.nodes.values()) nodes.append(drawNode(node));
    picture.append(edges, nodes, maps);
    canvas.replaceChildren(picture);
    fillVisible();
  }

  function drawEdge(edge) {
    const from = plan.nodes.get(edge.from), to = plan.nodes.get(edge.to), group = svg('g', { class: 'edge' });
    const x1 = from.x + from.width, y1 = from.y + Layout.HEAD / 2, x2 = to.x, y2 = to.y + Layout.HEAD / 2;
    group.append(svg('path', { d: Layout.curve(x1, y1, x2, y2) }));
    if (edge.pipeline) {
      const { name, state } = edge.pipeline;
      const x = (x1 + x2) / 2, y = (y1 + y2) / 2, label = svg('g', { class: 'mover' });
      // Between the letters of a text nothing notices the pointer.
      label.append(svg('rect', { x: x - 60, y: y - 17, width: 120, height: 34 }));
      const text = svg('text', { x, y: y - 5, 'text-anchor': 'middle' }, short(name, 20));
      text.append(svg('tspan', { class: state || '', x, dy: 16 }, mark(edge.pipeline)));
      label.append(text);
      label.append(svg('title', {}, `${edge.pipeline.fqn}: ${told(edge.pipeline)}`));
      label.addEventListener('mouseenter', () => showMoved(edge.pipeline));
      label.addEventListener('mouseleave', () => showMoved(kept));
      label.addEventListener('click', () => keep(kept === edge.pipeline ? null : edge.pipeline));
      group.append(label);
    }
    edgeOf.set(edge, group);
    return group;
  }

  function describe(node) {
    const by = (edge) => (edge.pipeline ? ` by ${edge.pipeline.name} (${edge.pipeline.state || 'no run'})` : '');
    const names = (side, other) => plan.edges.filter((edge) => edge[side] === node.asset.id).map((edge) => plan.nodes.get(edge[other]).asset.fqn + by(edge));
    const from = names('to', 'from'), to = names('from', 'to');
    return `${node.asset.kind} ${node.asset.fqn}${from.length ? `, comes from ${from.join(' and ')}` : ''}${to.length ? `, goes to ${to.join(' and ')}` : ''}`;
  }

  function drawNode(node) {
    const { asset, x, y, width, height } = node;
    const place = asset.kind === 'topic' ? 'topic' : /lake|delta|hdfs/i.test(`${asset.service} ${asset.serviceType}`) ? 'lake' : 'database';
    const group = svg('g', { class: `node ${place}`, tabindex: 0, role: 'group', 'aria-label': describe(node) });
    group.append(svg('rect', { class: 'frame', x, y, width, height, rx: 6 }));
    group.append(svg('rect', { class: 'head', x, y, width, height: Layout.HEAD, rx: 6 }));
    group.append(svg('text', { class: 'title', x: x + 8, y: y + 16 }, short(asset.name, 30)));
    group.append(svg('text', { class: 'sub', x: x + 8, y: y + 31 }, short([asset.service, ...asset.tags].join(' · '), 36)));
    group.append(svg('title', {}, asset.fqn));
    if (node.hidden) group.append(svg('text', { class: 'sub', x: x + 8, y: y + height - 8 }, `and ${node.hidden} more`));
    group.addEventListener('keydown', (event) => keys(event, node));
    group.addEventListener('focus', () => fill(node));
    nodeOf.set(asset.id, group);
    return group;
  }

  // Draws the columns of an asset, once. Of a thousand assets few are ever looked at, and columns are most of the picture.
  function fill(node) {
    if (node.filled) return;
    node.filled = true;
    nodeOf.get(node.asset.id).append(...node.shown.map((column) => drawColumn(node, column)));
  }

  // Columns of what can be seen, and a bit around it, so that scrolling finds them there.
  function fillVisible() {
    const { scrollLeft: left, scrollTop: top, clientWidth: width, clientHeight: height } = canvas;
    if (plan) Layout.within(plan, left - width / 2, top - height, left + width * 1.5, top + height * 2).forEach(fill);
  }

  function drawColumn(node, column) {
    const { y, height } = plan.columns.get(column.fqn), { x, width } = node;
    const label = `${column.name}, ${column.type}${column.key ? ', key' : ''}${column.tags.length ? `, ${column.tags.join(', ')}` : ''}`;
    const group = svg('g', { class: 'column', tabindex: -1, role: 'button', 'aria-label': label, 'data-fqn': column.fqn });
    group.append(svg('rect', { x: x + 2, y, width: width - 4, height }));
    group.append(svg('text', { x: x + 8, y: y + 13 }, short(column.key ? `${column.name} ⚿` : column.name, 22)));
    group.append(svg('text', { class: column.tags.length ? 'tagged' : 'type', x: x + width - 8, y: y + 13, 'text-anchor': 'end' },
      short(column.tags.length ? column.tags[0] : column.type || '', 18)));
    group.addEventListener('mouseenter', () => highlight(column.fqn));
    group.addEventListener('mouseleave', () => (chosen ? highlight(chosen) : showMoved(kept)));
    group.addEventListener('focus', () => { chosen = column.fqn; highlight(chosen); });
    group.addEventListener('blur', () => { chosen = null; showMoved(kept); });
    group.addEventListener('click', () => group.focus());
    group.classList.toggle('on', lit.has(column.fqn));
    columnOf.set(column.fqn, group);
    return group;
  }

  // Up and down: columns of the asset, and out of it at the top. Left and right: along the chain. Escape: let go.
  function keys(event, node) {
    const here = document.activeElement.dataset?.fqn;
    const at = node.shown.findIndex((column) => column.fqn === here);
    const focus = (fqn) => {
      const place = plan.columns.get(fqn);
      if (!place) return;
      fill(place.node);
      columnOf.get(fqn).focus();
    };
    switch (event.key) {
      case 'ArrowDown': focus(node.shown[Math.min(at + 1, node.shown.length - 1)]?.fqn); break;
      case 'ArrowUp': at > 0 ? focus(node.shown[at - 1].fqn) : nodeOf.get(node.asset.id).focus(); break;
      case 'ArrowRight':
      case 'ArrowLeft': move(event.key === 'ArrowRight', node, here, focus); break;
      case 'Escape': nodeOf.get(node.asset.id).focus(); chosen = null; keep(null); break;
      default: return;
    }
    event.preventDefault();
  }

  function move(right, node, here, focus) {
    const [near, far] = right ? ['from', 'to'] : ['to', 'from'];
    if (!here) {
      const edge = plan.edges.find((edge) => edge[near] === node.asset.id);
      if (edge) nodeOf.get(edge[far]).focus();
      return;
    }
    const step = Layout.chain(plan.edges, here).steps.find((step) => step[near] === here);
    if (step) focus(step[far]);
  }

  function highlight(fqn) {
    if (!picture) return;
    const maps = document.getElementById('maps');
    for (const element of picture.querySelectorAll('.on')) element.classList.remove('on');
    maps.replaceChildren();
    picture.classList.toggle('chosen', Boolean(fqn));
    for (const button of buttonOf.values()) button.classList.remove('on');
    lit = new Set();
    if (!fqn) return;
    const { columns, steps } = Layout.chain(plan.edges, fqn);
    lit = columns;
    for (const name of columns) {
      const place = plan.columns.get(name);
      columnOf.get(name)?.classList.add('on');
      if (place) nodeOf.get(place.node.asset.id).classList.add('on');
    }
    for (const { from, to, edge } of steps) {
      edgeOf.get(edge).classList.add('on');
      buttonOf.get(edge.pipeline)?.classList.add('on');
      const a = plan.columns.get(from), b = plan.columns.get(to);
      if (!a || !b) continue;
      const half = Layout.ROW / 2;
      maps.append(svg('path', { class: 'map', d: Layout.curve(a.node.x + a.node.width, a.y + half, b.node.x, b.y + half) }));
    }
  }

  search.addEventListener('input', () => showList(search.value.toLowerCase().split(/\s+/).filter(Boolean)));

  canvas.addEventListener('scroll', fillVisible, { passive: true });
  new ResizeObserver(fillVisible).observe(canvas);
  window.addEventListener('beforeprint', () => plan?.nodes.forEach(fill));

  async function load() {
    summary.textContent = 'Loading…';
    const answer = await fetch('/page/graph.json');
    const body = await answer.json();
    if (!answer.ok) throw new Error(body.message);
    // An edge of something that is deleted is not shown.
    const known = new Set(body.assets.map((asset) => asset.id));
    const pipelines = new Map(body.pipelines.map((pipeline) => [pipeline.id, pipeline]));
    const edges = body.edges.filter((edge) => known.has(edge.from) && known.has(edge.to));
    for (const edge of edges) edge.pipeline = pipelines.get(edge.pipeline) || null;
    graph = { assets: body.assets, pipelines: body.pipelines, edges };
    for (const asset of graph.assets) asset.words = words(asset);
    showPipelines();
    draw();
    showList([]);
    document.body.dataset.ready = 'true';
  }

  load().catch((error) => { summary.textContent = `The graph cannot be shown: ${error.message}. Reload to try again.`; });
})();
