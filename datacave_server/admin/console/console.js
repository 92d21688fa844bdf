// The console: logging in, running statements, and the panels beside the editor.

import { Editor } from "./editor.js";
import { Grid, message, planTree, sessionTable, storageView, tableTree } from "./panels.js";

const $ = (id) => document.getElementById(id);
const state = { token: null, pid: 0, tables: [], running: false, timers: [], last: "" };
const editor = new Editor($("sql"), $("highlight"));

class Refused extends Error {
  constructor(answer, status) { super(answer.error || "The server does not answer."); Object.assign(this, answer, { status }); }
}

async function ask(name, body = {}, method = "POST") {
  const init = { method, credentials: "same-origin", headers: { "X-Datacave-Token": state.token || "" } };
  if (method === "POST") { init.headers["Content-Type"] = "application/json"; init.body = JSON.stringify(body); }
  const answer = await fetch(`api/${name}`, init);
  if (answer.headers.get("Content-Type")?.startsWith("application/x-ndjson")) return answer;
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    if (found.login) showLogin();
    throw new Refused(found, answer.status);
  }
  return found;
}

// Logging in and out

function showLogin() {
  state.token = null;
  state.timers.splice(0).forEach(clearInterval);
  $("app").hidden = true;
  $("login").hidden = false;
  $("login-form").elements.user.focus();
}

function showApp(me) {
  Object.assign(state, { token: me.token, pid: me.pid });
  $("login").hidden = true;
  $("app").hidden = false;
  $("who").textContent = `${me.user} · ${me.database}`;
  $("csv-form").elements.token.value = me.token;
  showBlock(me.status);
  readTables();
  checkHealth();
  state.timers.push(setInterval(checkHealth, 10000));
  $("sql").focus();
}

$("login-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target, failed = $("login-error");
  failed.hidden = true;
  const { user, password, database } = form.elements;
  try {
    showApp(await ask("login", { user: user.value, password: password.value, database: database.value }));
    password.value = "";
  } catch (error) {
    failed.textContent = [error.message, error.hint].filter(Boolean).join("\n");
    failed.hidden = false;
    password.select();
  }
});

$("logout").addEventListener("click", async () => {
  await ask("logout").catch(() => {});
  $("results").replaceChildren();
  showLogin();
});

// Statements

function showBlock(status) {
  $("block").hidden = status === "I";
  $("block").textContent = status === "E" ? "failed transaction: ROLLBACK" : "in a transaction";
  $("block").className = status === "E" ? "pill bad" : "pill warn";
}

function working(on) {
  state.running = on;
  for (const id of ["run", "explain", "analyze"]) $(id).disabled = on;
  $("stop").hidden = !on;
  if (on) $("progress").textContent = "running…";
}

async function* lines(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) if (part) yield JSON.parse(part);
  }
}

async function run() {
  const { text, from } = editor.chosen;
  if (state.running || !text.trim()) return;
  const results = $("results"), started = performance.now();
  let grid = null, count = 0, ended = false, last = started;
  results.replaceChildren();
  state.last = text;
  working(true);
  try {
    const answer = await ask("query", { sql: text, rows_max: Number($("rows-max").value) });
    for await (const line of lines(answer)) {
      if (line.columns) { grid = new Grid(line.columns); results.append(grid.element); count = 0; }
      else if (line.rows) {
        grid.add(line.rows);
        count += line.rows.length;
        if (performance.now() - last > 100) { last = performance.now(); $("progress").textContent = `${count.toLocaleString("en")} rows…`; }
      }
      else if (line.truncated) results.append(message("", `The first ${line.truncated.toLocaleString("en")} rows are shown. Save as CSV to have all.`));
      else if (line.notice) results.append(message("warn", `${line.severity}: ${line.notice}`));
      else if ("tag" in line) { if (!grid) results.append(message("", line.tag || "Nothing to do.")); grid = null; }
      else if (line.error) showError(line.error, from);
      else if (line.end) { ended = true; showBlock(line.end); }
    }
    if (!ended) results.append(message("bad", "The connection broke off before the end of the answer."));
    $("progress").textContent = `${count ? `${count.toLocaleString("en")} rows, ` : ""}${Math.round(performance.now() - started)} ms`;
    $("csv").disabled = false;
    $("csv-form").elements.sql.value = text;
    if (/\b(create|alter|drop)\b/i.test(text)) readTables();
  } catch (error) {
    showError(error, from);
    $("progress").textContent = "";
  } finally {
    working(false);
  }
}

function showError(error, from) {
  $("results").append(message("bad", error.message, { code: error.sqlstate, detail: error.detail, hint: error.hint }));
  if (error.position) editor.markError(error.position, from);
}

async function explain(analyze) {
  const { text, from } = editor.chosen;
  if (state.running || !text.trim()) return;
  working(true);
  try {
    const { plan, status } = await ask("explain", { sql: text, analyze });
    $("results").replaceChildren(plan[0]?.Plan ? planTree(plan) : message("", String(plan[0])));
    showBlock(status);
    $("progress").textContent = "";
  } catch (error) {
    $("results").replaceChildren();
    // The statement stands behind EXPLAIN (..), so a position counts from there.
    showError({ ...error, message: error.message, position: null }, from);
    $("progress").textContent = "";
  } finally {
    working(false);
  }
}

$("run").addEventListener("click", run);
$("stop").addEventListener("click", () => ask("stop").catch(() => {}));
$("explain").addEventListener("click", () => explain(false));
$("analyze").addEventListener("click", () => explain(true));
$("sql").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); run(); }
});

// Tables

async function readTables() {
  try {
    state.tables = (await ask("schema")).tables;
    drawTables();
  } catch (error) {
    $("tables").replaceChildren(message("bad", error.message));
  }
}

function drawTables() {
  $("tables").replaceChildren(...tableTree(state.tables, $("table-filter").value, {
    columnsOf: async (oid) => (await ask("schema", { relation: Number(oid) })).columns,
    put: (text, runs) => { editor.text = text; if (runs) run(); else $("sql").focus(); },
  }));
}

$("table-filter").addEventListener("input", drawTables);
$("tables-refresh").addEventListener("click", readTables);

// Sessions, storage, health

async function readSessions() {
  try {
    const { sessions, own } = await ask("sessions");
    $("sessions").replaceChildren(sessionTable(sessions, own, async (pid, terminate) => {
      if (terminate && !confirm(`End session ${pid}? What it has not committed is lost.`)) return;
      try { await ask("cancel", { pid: Number(pid), terminate }); } catch (error) { alert(error.message); }
      readSessions();
    }));
  } catch (error) {
    $("sessions").replaceChildren(message("bad", error.message));
  }
}

async function checkHealth() {
  const pill = $("health");
  try {
    const found = await ask("server");
    pill.textContent = found.broken ? "storage has stopped" : found.unready ? "not ready" : "healthy";
    pill.className = found.broken || found.unready ? "pill bad" : "pill good";
    pill.title = found.broken || found.unready || "";
    $("version").textContent = `${found.version} · up since ${(found.started || "").slice(0, 19)}`;
    return found;
  } catch (error) {
    pill.textContent = "no answer";
    pill.className = "pill bad";
    return null;
  }
}

async function readStorage() {
  const found = await checkHealth();
  if (found) $("storage").replaceChildren(...storageView(found.storage));
}

function showPanel(name) {
  for (const button of document.querySelectorAll("nav button")) {
    const here = button.dataset.panel === name;
    if (here) button.setAttribute("aria-current", "page"); else button.removeAttribute("aria-current");
    $(`panel-${button.dataset.panel}`).hidden = !here;
  }
  if (name === "sessions") readSessions();
  if (name === "storage") readStorage();
}

for (const button of document.querySelectorAll("nav button")) button.addEventListener("click", () => showPanel(button.dataset.panel));
$("sessions-refresh").addEventListener("click", readSessions);
$("storage-refresh").addEventListener("click", readStorage);
setInterval(() => { if (!$("panel-sessions").hidden && $("sessions-live").checked && state.token) readSessions(); }, 2000);

// Light and dark

function showTheme(theme) { document.documentElement.dataset.theme = theme; }
const dark = matchMedia("(prefers-color-scheme: dark)");
showTheme(localStorage.getItem("theme") || (dark.matches ? "dark" : "light"));
dark.addEventListener("change", () => { if (!localStorage.getItem("theme")) showTheme(dark.matches ? "dark" : "light"); });
$("theme").addEventListener("click", () => {
  const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  localStorage.setItem("theme", next);
  showTheme(next);
});

ask("me", {}, "GET").then((me) => (me.user ? showApp(me) : showLogin())).catch((error) => {
  showLogin();
  $("login-error").textContent = error.message;
  $("login-error").hidden = false;
});
