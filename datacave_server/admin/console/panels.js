// What is shown: result grids, messages, plans, tables, sessions, storage. Everything is built from text nodes.

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

const NUMBERS = /^(smallint|integer|bigint|numeric|real|double precision|oid|money|xid8?|cid)/;
const CHUNK = 200;

// A result: rows are kept, and put into the page as one scrolls to them.
export class Grid {
  constructor(columns) {
    this.rows = [];
    this.shown = 0;
    this.numeric = columns.map(([, type]) => NUMBERS.test(type));
    this.body = make("tbody");
    const heads = columns.map(([name, type], n) =>
      make("th", { scope: "col", class: this.numeric[n] ? "num" : null }, name, make("small", {}, type)));
    this.element = make("div", { class: "grid", tabindex: "0", role: "region", "aria-label": "Result" },
      make("table", {}, make("thead", {}, make("tr", {}, make("th", { class: "place" }, "#"), ...heads)), this.body));
    this.element.addEventListener("scroll", () => this.fill());
  }

  add(rows) {
    for (const row of rows) this.rows.push(row);
    if (this.shown < CHUNK) this.show(CHUNK);
  }

  fill() {
    const { scrollTop, clientHeight, scrollHeight } = this.element;
    if (scrollTop + clientHeight >= scrollHeight - 400) this.show(this.shown + CHUNK);
  }

  show(end) {
    const next = this.rows.slice(this.shown, end);
    this.body.append(...next.map((row, n) => make("tr", {}, make("td", { class: "place" }, String(this.shown + n + 1)),
      ...row.map((value, column) => value === null
        ? make("td", { class: this.numeric[column] ? "null num" : "null" }, "NULL")
        : make("td", { class: this.numeric[column] ? "num" : null, title: value.length > 60 ? value : null }, value)))));
    this.shown += next.length;
  }
}

export function message(kind, title, { code, detail, hint } = {}) {
  return make("div", { class: `message ${kind}`, role: kind === "bad" ? "alert" : null },
    make("b", {}, title), code ? make("code", {}, code) : null,
    detail ? make("p", {}, detail) : null, hint ? make("p", {}, make("b", {}, "Hint: "), hint) : null);
}

const PLAN_HEAD = new Set(["Node Type", "Relation Name", "Alias", "Plans", "Actual Rows", "Actual Loops",
  "Actual Startup Time", "Actual Total Time"]);

export function planTree(plan) {
  const root = plan[0].Plan, total = root["Actual Total Time"] * (root["Actual Loops"] || 1) || 0;
  const facts = ["Planning Time", "Execution Time"].filter((name) => name in plan[0])
    .map((name) => `${name.toLowerCase()} ${plan[0][name]} ms`).join(", ");
  return make("div", {}, facts ? message("", facts) : null, make("ul", { class: "plan" }, planNode(root, total)));
}

function planNode(node, total) {
  const loops = node["Actual Loops"], time = (node["Actual Total Time"] || 0) * (loops || 1);
  const facts = Object.entries(node).filter(([name]) => !PLAN_HEAD.has(name));
  const measured = loops === undefined ? null : loops === 0 ? make("span", { class: "quiet" }, "never executed")
    : make("span", { class: "quiet" }, `${node["Actual Rows"]} rows, ${time.toFixed(2)} ms${loops > 1 ? `, ${loops} loops` : ""}`);
  const meter = total && loops ? make("meter", { min: 0, max: total, value: time, "aria-label": "share of the time" }) : null;
  const on = node["Relation Name"];
  return make("li", {}, make("div", { class: "node" },
    make("div", { class: "head" }, make("b", {}, node["Node Type"]),
      on ? make("span", { class: "on" }, node.Alias && node.Alias !== on ? `${on} ${node.Alias}` : on) : null, measured, meter),
    facts.length ? make("dl", {}, ...facts.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, String(value))])) : null),
  node.Plans ? make("ul", {}, ...node.Plans.map((child) => planNode(child, total))) : null);
}

const KINDS = { r: "table", p: "table", v: "view", m: "mview", S: "seq" };

export function tableTree(tables, filter, { columnsOf, put }) {
  const wanted = filter.toLowerCase(), schemas = new Map();
  for (const table of tables) {
    if (wanted && !`${table.schema}.${table.name}`.toLowerCase().includes(wanted)) continue;
    if (!schemas.has(table.schema)) schemas.set(table.schema, []);
    schemas.get(table.schema).push(table);
  }
  if (!schemas.size) return [make("p", { class: "quiet" }, tables.length ? "Nothing fits." : "No tables yet.")];
  return [...schemas].flatMap(([schema, found]) => [make("h3", {}, schema), ...found.map((table) => {
    const holder = make("div");
    const head = make("button", { "aria-expanded": "false", title: `owner ${table.owner}` },
      make("span", { class: "kind" }, KINDS[table.kind] || ""), make("span", { class: "name" }, table.name));
    head.addEventListener("click", async () => {
      const open = head.getAttribute("aria-expanded") === "true";
      head.setAttribute("aria-expanded", String(!open));
      if (open) { holder.querySelector("ul")?.remove(); return; }
      const columns = await columnsOf(table.oid), name = quoted(table.schema, table.name);
      holder.append(make("ul", {}, ...columns.map((column) => make("li", { class: column.key === "t" ? "key" : null,
        title: [column.key === "t" ? "primary key" : "", column.notNull === "t" ? "not null" : "",
          column.default ? `default ${column.default}` : ""].filter(Boolean).join(", ") || null },
      make("span", { class: "name" }, column.name), make("span", { class: "type" }, column.type))),
      make("li", { class: "links" }, make("button", { onclick: () => put(`SELECT * FROM ${name} LIMIT 100`, true) }, "first 100 rows"),
        make("button", { onclick: () => put(`SELECT count(*) FROM ${name}`, true) }, "count"))));
    });
    holder.append(head);
    return holder;
  })]);
}

export const quoted = (...names) =>
  names.map((name) => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`)).join(".");

export function sessionTable(sessions, own, end) {
  const heads = ["pid", "", "user", "database", "application", "address", "state", "waits for", "since", "statement"];
  return make("div", { class: "grid plain" }, make("table", {},
    make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col" }, head)))),
    make("tbody", {}, ...sessions.map((one) => make("tr", {}, make("td", {}, one.pid + (String(own) === one.pid ? " (this page)" : "")),
      make("td", { class: "acts" }, make("button", { onclick: () => end(one.pid, false), "aria-label": `Cancel the statement of ${one.pid}` }, "Cancel"),
        " ", make("button", { class: "danger", onclick: () => end(one.pid, true), "aria-label": `End session ${one.pid}` }, "End")),
      ...["user", "database", "application", "address", "state"].map((name) => make("td", {}, one[name] || "")),
      make("td", {}, one.waitType && one.state === "active" ? `${one.waitType}: ${one.waitEvent}` : ""),
      make("td", {}, one.transactionStart ? one.transactionStart.slice(11, 19) : ""),
      make("td", { class: "sql-text" }, (one.query || "").trim()))))));
}

export function bytes(count) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let n = 0;
  while (count >= 1024 && n < units.length - 1) { count /= 1024; n += 1; }
  return `${n ? count.toFixed(count < 10 ? 1 : 0) : count} ${units[n]}`;
}

const share = (hits, misses) => (hits + misses ? `${((100 * hits) / (hits + misses)).toFixed(1)} %` : "none yet");
const tile = (name, value, note) => make("div", { class: "tile" }, make("small", {}, name), make("b", {}, value), make("small", {}, note || ""));

export function storageView(s) {
  const levels = s.level_bytes || [], files = s.level_files || [], most = Math.max(1, ...levels);
  const flushed = s.flushed_bytes || 0, number = (n) => (n || 0).toLocaleString("en");
  return [
    make("div", { class: "tiles" },
      tile("on disk", bytes(levels.reduce((a, b) => a + b, 0)), `${number(files.reduce((a, b) => a + b, 0))} table files`),
      tile("memtable", bytes(s.memtable_bytes || 0), `${number(s.memtable_versions)} row versions, ${s.frozen_memtables || 0} waiting`),
      tile("row cache", share(s.row_cache_hits || 0, s.row_cache_misses || 0), `${number(s.row_cache_rows)} rows, hits`),
      tile("segment cache", share(s.segment_cache_hits || 0, s.segment_cache_misses || 0), `${bytes(s.segment_cache_bytes || 0)}, hits`),
      tile("log", bytes(s.log_bytes_written || 0), `${number(s.log_syncs)} syncs for ${number(s.log_synced_commits)} commits`),
      tile("compaction", number(s.merges), `${s.merge_under_way ? "running, " : ""}${bytes(s.merged_bytes || 0)} written`),
      tile("write amplification", flushed ? ((flushed + (s.merged_bytes || 0)) / flushed).toFixed(2) : "–", "bytes written for each byte flushed"),
      tile("writers waited", `${(s.stall_seconds || 0).toFixed(1)} s`, `${number(s.stalls)} times${s.stalled ? ", now too" : ""}`)),
    make("div", { class: "block" }, make("h3", {}, "Levels"), make("div", { class: "levels" },
      ...levels.map((size, level) => make("div", { class: "level" }, make("span", {}, `level ${level}`),
        make("meter", { min: 0, max: most, value: size, "aria-label": `bytes of level ${level}` }),
        make("span", { class: "quiet" }, `${bytes(size)} in ${number(files[level])} files`))))),
    make("div", { class: "block" }, make("h3", {}, "Everything the storage counts"), make("div", { class: "grid" }, make("table", {},
      make("tbody", {}, ...Object.entries(s).filter(([, v]) => typeof v !== "object").map(([name, value]) =>
        make("tr", {}, make("td", {}, name), make("td", { class: "num" }, typeof value === "number" ? number(value) : String(value)))))))),
  ];
}
