// The live page: asks every two seconds while somebody looks, and shows what came back. No framework, no other hosts.

const EVERY_MS = 2000;
const WORDS = {
  held: "Held", pending: "Can still be changed", routing: "Being routed", backordered: "Waits for stock", allocated: "Given to a node",
  in_fulfilment: "Being worked on", partly_fulfilled: "Partly done", fulfilled: "Left", completed: "Completed",
  cancelled: "Cancelled", offered: "new", accepted: "accepted", picking: "being picked", picked: "picked",
  packed: "packed", ready: "ready", customer_on_the_way: "customer on the way", customer_arrived: "customer is here",
  handed_off: "handed over", awaiting_carrier: "waits for the carrier", shipped: "shipped", delivered: "delivered",
  short: "not found", rejected: "sent back", expired: "not collected", payment: "payment", fraud: "fraud", address: "address", swap: "another item", remorse: "a change of mind", photo: "photos not sent", manual: "a person",
  exception: "to settle", release: "goes on", cancel: "cancelled", authorised: "payment authorised", window_over: "the time is over",
  order_cancelled: "the order was cancelled", ship: "Ship", pickup: "Pick up", curbside: "Curbside",
};
const GOOD = new Set(["completed", "fulfilled", "handed_off", "shipped", "delivered", "ready"]);
const BAD = new Set(["held", "backordered", "cancelled", "short", "rejected", "expired"]);
const CAPTURES = { authorise: "Payment authorised", capture: "Payment taken", release: "Authorisation released", refund: "Refunded" };
const AT_RISK = { accept_by: "nobody has begun", pick_by: "not picked yet", pack_by: "not packed yet" };
const stamp = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const STORY = {
  "order.placed": (v) => `Ordered: ${count(v.units, "unit")}`,
  "order.held": (v) => `Put on hold: ${v.reason}`,
  "order.hold_resolved": (v) => `Hold ended: ${word(v.resolution)}${v.note ? `, ${v.note}` : ""}`,
  "order.hold_taken": (v) => (v.assignee ? `${v.assignee} looks after the hold` : "Nobody looks after the hold any more"),
  "order.hold_noted": (v) => `About the hold: ${v.note}`,
  "order.hold_overdue": (v) => `Nobody dealt with the hold in time: ${word(v.hold)}`,
  "order.cancelled": (v) => `${count(v.units, "unit")} cancelled: ${v.reason}`,
  "order.status": (v) => `Now: ${word(v.status)}`,
  "money.moved": (v) => CAPTURES[v.kind] ?? "Money moved",
  "money.refused": (v) => `Payment refused: ${v.reason}`,
  "routing.routed": (v, e) => `${count(v.units, "unit")} to ${nodeName(e.node)}: ${v.reason}`,
  "routing.unrouted": (v) => `No node for ${count(v.units, "unit")}: ${v.reason}`,
  "routing.waits_long": (v) => `Waits long: ${word(v.queue)}, ${word(v.reason)}`,
  "stock.promise_broken": (v) => `${v.units} × ${v.item} were not there any more`,
  "job.offered": (v, e) => `${v.number} offered to ${nodeName(e.node)}`,
  "job.at_risk": (v) => `May be late: ${AT_RISK[v.milestone] ?? v.milestone}`,
  "order.promise": (v) => (v.promised_at ? `Promised for ${stamp.format(new Date(v.promised_at))}${v.was ? " instead" : ""}` : "Nobody knows when it comes"),
  "job.accept": () => "Accepted", "job.take_over": () => "Taken over",
  "job.pick": (v) => `Picked ${v.units} × ${v.item}`,
  "job.short": (v) => `Not there: ${v.units} × ${v.item} (${word(v.reason)})`,
  "job.pack": () => "Packed", "job.unpack": () => "Unpacked", "job.ready": () => "Ready for the customer",
  "job.label": (v) => `Labelled for ${v.carrier}, ${v.tracking}`, "job.deliver": () => "Delivered", "job.cancel": () => "Job cancelled",
  "job.stage": (v) => `Put in ${v.place}`,
  "job.reject": (v) => `Sent back by the store: ${v.reason}`,
  "job.on_the_way": () => "Customer on the way", "job.arrive": () => "Customer arrived", "job.leave": () => "Customer left",
  "job.hand_off": () => "Handed over", "job.ship": () => "Given to the carrier", "job.expire": () => "Not collected",
  "job.exception": (v) => (v.kind === "put_back" ? "Units must be put back" : `Needs a person: ${word(v.kind)}`),
  "job.exception_settled": (v) => `Settled: ${word(v.resolution)}`,
  "job.shipped": (v) => `On its way with ${v.carrier} ${v.tracking}`, "message.sent": (v) => `Message sent: ${v.message ?? v.kind ?? ""}`,
};

const find = (id) => document.getElementById(id);
const word = (code) => WORDS[code] ?? String(code).replaceAll("_", " ");
const number = new Intl.NumberFormat();
const count = (n, what) => `${number.format(n)} ${what}${n === 1 ? "" : "s"}`;
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const clockIn = (zone) => new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", timeZone: zone });

let seen = null; // the last answer
let tag = null; // its ETag
let chosen = null; // a node's code
let sort = { by: "late", down: true };
let known = new Set(); // orders that were on the page before
let first = true;

function element(name, attributes = {}, ...children) {
  const svg = ["svg", "circle", "rect", "line", "g", "text", "title"].includes(name);
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== null && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

function nodeName(code) {
  return seen?.board.nodes.find((node) => node.code === code)?.name ?? code ?? "";
}

function money(minor, currency) {
  const form = new Intl.NumberFormat(undefined, { style: "currency", currency });
  return form.format(minor / 10 ** form.resolvedOptions().maximumFractionDigits);
}

// ---------------------------------------------------------------- asking

async function ask() {
  const asked = chosen;
  const where = asked ? `/live/now?node=${encodeURIComponent(asked)}` : "/live/now";
  try {
    const answer = await fetch(where, { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
    if (answer.status === 401 || answer.status === 403) return location.reload();
    if (!answer.ok && answer.status !== 304) throw new Error(answer.statusText);
    if (answer.status !== 304) {
      const said = await answer.json();
      if (asked !== chosen) return; // another node was chosen meanwhile, and asked for
      tag = answer.headers.get("ETag");
      seen = said;
      draw();
    }
    pulse(`Live. ${clock.format(new Date())}`, false);
  } catch {
    pulse("No answer from the server. What you see may be old; trying again.", true);
  }
}

function pulse(sentence, lost) {
  const line = find("pulse");
  if (line.textContent !== sentence) line.textContent = sentence;
  line.className = lost ? "lost" : "soft";
}

async function keepAsking() {
  for (;;) {
    if (!document.hidden) await ask();
    await new Promise((done) => setTimeout(done, EVERY_MS));
  }
}

function choose(code) {
  chosen = code;
  tag = null;
  known = new Set();
  first = true;
  ask();
}

// ---------------------------------------------------------------- drawing

function draw() {
  drawFigures();
  drawMap();
  drawNodes();
  drawOrders();
  first = false;
}

function drawFigures() {
  const { orders, per_minute, waiting, to_settle, nodes } = seen.board;
  const overdue = to_settle.reduce((sum, row) => sum + row.overdue, 0);
  const reasons = waiting.map((row) => `${word(row.reason)} ${row.count}`).concat(overdue ? [`overdue ${overdue}`] : []);
  const late = nodes.reduce((sum, node) => sum + node.late, 0);
  const risk = nodes.reduce((sum, node) => sum + node.at_risk, 0);
  const figures = [
    figure(orders.allocated + orders.routing, "given to nodes"),
    figure(orders.in_fulfilment + orders.partly_fulfilled, "being worked on"),
    figure(nodes.reduce((sum, node) => sum + node.ready, 0), "ready and waiting"),
    figure(late, `${late === 1 ? "job is late" : "jobs are late"}${risk ? `, ${risk} at risk` : ""}`, late > 0),
    figure(waiting.reduce((sum, row) => sum + row.count, 0), reasons.join(", ") || "wait for somebody", overdue > 0),
    figure(orders.completed + orders.fulfilled, "left or completed"),
  ];
  const most = Math.max(1, ...per_minute);
  const bars = per_minute.map((n, i) => element("rect", { x: i * 10, width: 8, y: 30 - (n / most) * 30, height: (n / most) * 30 }));
  const last = per_minute.at(-1) ?? 0;
  figures.push(element("div", {}, element("svg", { viewBox: "0 0 150 30", preserveAspectRatio: "none", "aria-hidden": "true" }, ...bars), element("span", { class: "small soft" }, `${count(last, "order")} in the last minute`)));
  find("figures").replaceChildren(...figures);
}

function figure(n, words, alarm = false) {
  return element("div", { class: alarm ? "alarm" : "" }, element("b", {}, number.format(n)), element("span", { class: "small soft" }, words));
}

function projection(nodes) {
  const places = nodes.map((node) => node.location).filter(Boolean);
  if (!places.length) return null;
  const wide = (list) => [Math.min(...list), Math.max(...list)];
  const [south, north] = wide(places.map((p) => p.latitude));
  const [west, east] = wide(places.map((p) => p.longitude));
  const squeeze = Math.cos((((south + north) / 2) * Math.PI) / 180);
  const scale = Math.min(900 / Math.max((east - west) * squeeze, 0.5), 470 / Math.max(north - south, 0.5));
  const left = (1000 - (east - west) * squeeze * scale) / 2;
  const top = (560 - (north - south) * scale) / 2;
  return (p) => [left + (p.longitude - west) * squeeze * scale, top + (north - p.latitude) * scale];
}

function drawMap() {
  const { nodes } = seen.board;
  const at = projection(nodes);
  const map = find("map");
  const ways = [...map.querySelectorAll(".way, .home")].filter((way) => Date.now() - way.dataset.since < 6000);
  if (!at) return map.replaceChildren(element("text", { x: 400, y: 280 }, "No node has a place yet."));
  const grid = [];
  for (let x = 100; x < 1000; x += 100) grid.push(element("line", { class: "grid", x1: x, x2: x, y1: 0, y2: 560 }));
  for (let y = 80; y < 560; y += 80) grid.push(element("line", { class: "grid", x1: 0, x2: 1000, y1: y, y2: y }));
  const weight = (node) => (node.code === chosen ? 1e9 : node.late * 1e6 + node.offered + node.in_work + node.ready);
  const shown = nodes.filter((node) => node.location).sort((a, b) => weight(a) - weight(b)); // the busiest on top
  const drawn = shown.map((node) => drawNode(node, at(node.location)));
  if (!first) for (const order of seen.orders.filter((o) => !known.has(o.id))) ways.push(...way(order, at));
  map.replaceChildren(...grid, ...ways, ...drawn);
}

function drawNode(node, [x, y]) {
  const open = node.offered + node.in_work + node.ready;
  const size = 7 + Math.min(16, Math.sqrt(open) * 3);
  const look = !node.taking_orders ? "off" : node.late ? "late" : open ? "busy" : "";
  const round = node.type === "store";
  const shape = round
    ? element("circle", { class: "shape", cx: x, cy: y, r: size })
    : element("rect", { class: "shape", x: x - size, y: y - size, width: size * 2, height: size * 2, rx: 3 });
  const name = node.code === chosen ? element("text", { x: x + size + 5, y: y + 5 }, node.name) : null;
  const title = element("title", {}, `${node.name}: ${open} open, ${node.late} late`);
  return element("g", { class: `node ${look} ${node.code === chosen ? "chosen" : ""}`, onclick: () => choose(node.code === chosen ? null : node.code) }, title, shape, name);
}

function way(order, at) {
  const made = [];
  for (const job of order.jobs) {
    const node = seen.board.nodes.find((each) => each.code === job.node);
    if (!node?.location) continue;
    const [x2, y2] = at(node.location);
    const home = order.location ? at(order.location) : [x2, y2 - 30];
    made.push(element("line", { class: "way", x1: home[0], y1: home[1], x2, y2 }), element("circle", { class: "home", cx: home[0], cy: home[1], r: 5 }));
  }
  for (const each of made) each.dataset.since = Date.now();
  return made;
}

function drawNodes() {
  const words = find("find").value.trim().toLowerCase();
  const key = (node) => (sort.by === "next_due" ? node.next_due ?? "9" : node[sort.by]);
  const rows = seen.board.nodes
    .filter((node) => !words || `${node.name} ${node.code}`.toLowerCase().includes(words))
    .sort((a, b) => {
      const order = key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0;
      const busy = b.offered + b.in_work + b.ready - (a.offered + a.in_work + a.ready);
      return (sort.down ? -order : order) || busy || (a.name < b.name ? -1 : 1);
    });
  const body = rows.map((node) => {
    const kind = node.type === "store" ? (node.taking_orders ? "" : "switched off") : node.type.replaceAll("_", " ");
    const cells = [node.offered, node.in_work, node.ready].map((n) => element("td", {}, n ? number.format(n) : "·"));
    return element(
      "tr", { class: "row", onclick: () => choose(node.code === chosen ? null : node.code) },
      element("td", {}, element("button", { "aria-pressed": String(node.code === chosen) }, node.name), element("span", { class: "small soft" }, [node.code, kind].filter(Boolean).join(", "))),
      ...cells,
      element("td", { class: node.late ? "late" : "" }, node.late ? number.format(node.late) : "·"),
      element("td", {}, node.next_due ? clockIn(node.time_zone).format(new Date(node.next_due)) : "·"),
    );
  });
  if (!body.length) body.push(element("tr", {}, element("td", { colspan: 6 }, "No node is called that.")));
  const focused = document.activeElement?.closest?.("#nodes tbody tr")?.rowIndex;
  find("nodes").tBodies[0].replaceChildren(...body);
  if (focused) find("nodes").rows[focused]?.querySelector("button")?.focus();
  for (const button of find("nodes").querySelectorAll("th button")) {
    const mine = button.dataset.by === sort.by;
    if (mine) button.parentElement.setAttribute("aria-sort", sort.down ? "descending" : "ascending");
    else button.parentElement.removeAttribute("aria-sort");
  }
}

function drawOrders() {
  find("stream-title").textContent = chosen ? `Orders of ${nodeName(chosen)}` : "Orders";
  find("everywhere").hidden = !chosen;
  const focused = document.activeElement?.closest?.("#orders li")?.dataset.id;
  const rows = seen.orders.map(drawOrder);
  if (!rows.length) rows.push(element("li", { class: "soft" }, chosen ? "This node has had no order yet." : "No orders yet. The next one shows here by itself."));
  find("orders").replaceChildren(...rows);
  if (focused) find("orders").querySelector(`[data-id="${focused}"] button`)?.focus();
  known = new Set([...known, ...seen.orders.map((order) => order.id)]);
}

function drawOrder(order) {
  const where = order.place ? `${word(order.method)} to ${order.place}` : word(order.method);
  const what = `${order.customer}, ${count(order.units, "unit")}, ${money(order.total, order.currency)}. ${where}, ${order.channel}`;
  const look = BAD.has(order.status) ? "bad" : GOOD.has(order.status) ? "good" : "";
  const lines = order.jobs.map((job) => element("p", { class: "why" }, element("b", {}, `${job.node_name}, ${word(job.state)}. `), job.why));
  if (!order.jobs.length) lines.push(element("p", { class: "why" }, order.waits_for ? `Held: ${order.waits_for}.` : order.status === "backordered" ? "No node has it now. It is routed again when stock comes." : "Being routed."));
  return element(
    "li", { "data-id": order.id, class: !first && !known.has(order.id) ? "new" : "" },
    element("div", { class: "top" },
      element("button", { onclick: () => open(order.id) }, order.number),
      element("span", { class: "small soft" }, what),
      element("span", { class: `state ${look}` }, word(order.status))),
    ...lines,
  );
}

// ---------------------------------------------------------------- one order

async function open(id) {
  find("detail-title").textContent = "Order";
  find("detail-body").replaceChildren(element("p", { class: "soft" }, "Loading …"));
  find("detail").showModal();
  try {
    const answer = await fetch(`/live/orders/${id}`, { cache: "no-store" });
    const said = await answer.json();
    if (!answer.ok) throw new Error(said.detail);
    drawDetail(said);
  } catch (error) {
    find("detail-body").replaceChildren(element("p", { class: "wrong", role: "alert" }, error.message || "No answer from the server. Close this and try again."));
  }
}

function drawDetail({ order, timeline, why }) {
  find("detail-title").textContent = `${order.number}, ${word(order.status).toLowerCase()}`;
  const m = order.money;
  const cash = [["Total", m.total], ["authorised", m.authorised], ["captured", m.captured], ["released", m.released], ["refunded", m.refunded]];
  const parts = [
    element("p", {}, `${order.customer.name}. ${word(order.method)}, ${order.channel}.`),
    element("p", { class: "small soft" }, cash.filter(([name, n]) => n || name === "Total").map(([name, n]) => `${name} ${money(n, m.currency)}`).join(", ")),
    element("h3", {}, "Lines"),
    element("ul", {}, ...order.lines.map((line) => element("li", {}, `${line.quantity} × ${line.name || line.sku} (${Object.entries(line.units).map(([state, n]) => `${n} ${word(state).toLowerCase()}`).join(", ")})`))),
  ];
  for (const each of why) {
    parts.push(element("h3", {}, `Line ${each.line}: ${each.node ? `${each.quantity} at ${nodeName(each.node)}` : "no node"}`), element("p", {}, each.why.summary));
    if (each.why.rivals.length) parts.push(rivals(each.why.rivals));
    const out = Object.entries(each.why.excluded).filter(([, n]) => n);
    if (out.length) parts.push(element("p", { class: "small soft" }, `Left out: ${out.map(([reason, n]) => `${n} ${word(reason)}`).join(", ")}.`));
  }
  const names = Object.fromEntries(order.lines.map((line) => [line.sku, line.name || line.sku]));
  const story = timeline.map((entry) => {
    const say = STORY[entry.code];
    entry.values.item = names[entry.values.sku] ?? entry.values.sku;
    const who = entry.actor && !["system", "customer"].includes(entry.actor) ? ` (${entry.actor})` : "";
    return element("li", {}, element("time", { datetime: entry.at }, clock.format(new Date(entry.at))), (say ? say(entry.values, entry) : word(entry.code.split(".").at(-1))) + who);
  });
  find("detail-body").replaceChildren(...parts, element("h3", {}, "What happened"), element("ol", {}, ...story));
}

function rivals(list) {
  const head = element("tr", {}, ...["Instead", "Cost", "Lost by"].map((name) => element("th", { scope: "col" }, name)));
  const rows = list.map((rival) => element("tr", {}, element("td", {}, rival.name), element("td", {}, rival.score.toFixed(3)), element("td", {}, rival.lost_by)));
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
}

// ---------------------------------------------------------------- the door, and the start

function door() {
  // A link such as /live#bk_... signs in by itself; what follows # is never sent in an address.
  const key = location.hash.slice(1);
  if (!key.startsWith("bk_") || document.querySelector(".wrong")) return;
  history.replaceState(null, "", location.pathname);
  find("key").value = key;
  find("door").requestSubmit();
}

function start() {
  for (const button of find("nodes").querySelectorAll("th button")) {
    button.addEventListener("click", () => {
      const by = button.dataset.by;
      sort = { by, down: sort.by === by ? !sort.down : !["name", "next_due"].includes(by) };
      if (seen) drawNodes();
    });
  }
  find("find").addEventListener("input", () => seen && drawNodes());
  find("everywhere").addEventListener("click", () => choose(null));
  find("close").addEventListener("click", () => find("detail").close());
  document.addEventListener("visibilitychange", () => document.hidden || ask());
  const asked = new URLSearchParams(location.search).get("order"); // a link from another page
  if (location.hash) history.replaceState(null, "", location.pathname);
  if (asked) open(encodeURIComponent(asked));
  keepAsking();
}

if (document.body.classList.contains("door")) door();
else start();
