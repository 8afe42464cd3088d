// The live board.

import { actButtons, cancel, exitNow, modify } from "../core/acts.js";
import { alarmWords, guardTone, modeBadge, stateTone, stateWords, survival, isTrouble, troubleWords } from "../core/badges.js";
import { byId, fill, h, say } from "../core/dom.js";
import { call } from "../core/http.js";
import { live } from "../core/live.js";
import { distance, price, profitText, signOf } from "../core/money.js";
import { ageText, now, timeElement } from "../core/time.js";

const GATHER_MS = 60; // one fill is several updates: they are fetched together
const LINGER_MS = 12_000; // how long a closed bracket stays to be read
const STALE_MS = 15_000; // a price older than this is marked
const MOST_AT_ONCE = 100; // ids in one address: servers take no longer one

const rows = new Map(); // bracket id -> Row
const wanted = new Set();
let gathering = null;

class Row {
  constructor(bracket) {
    this.bracket = bracket;
    this.cells = Object.fromEntries(
      ["name", "state", "entry", "stop", "last", "target", "guard", "age", "acts"].map((name) => [
        name,
        h(`div.c-${name}`, { role: "cell", "data-label": LABELS[name] }),
      ]),
    );
    this.element = h("div.line.row", { role: "row", tabindex: "0", "data-id": bracket.bracket_id }, ...Object.values(this.cells));
    this.element.addEventListener("keydown", (event) => this.#onKey(event));
    this.take(bracket);
  }

  take(bracket) {
    if (bracket.version < this.bracket.version) return; // an older answer that came late
    this.bracket = bracket;
    this.readAt = performance.now();
    this.#paint();
    this.paintPrice(live.pulse?.quotes[bracket.quote_key] ?? bracket.quote);
    this.paintAge();
  }

  #paint() {
    const { bracket, cells } = this;
    this.element.dataset.tone = stateTone(bracket);
    const link = h("a", { href: `/dashboard/brackets/${bracket.bracket_id}` }, bracket.symbol);
    fill(
      cells.name,
      h("div.symbol", {}, link, modeBadge(bracket)),
      h("div.sub", {}, `${bracket.action} ${bracket.quantity} · ${bracket.product} · ${bracket.exchange}`),
      h("div.sub", {}, [bracket.strategy, bracket.account.name].filter(Boolean).join(" · ")),
    );
    fill(cells.state, h(`span.state.${stateTone(bracket)}`, {}, stateWords(bracket)), h("div.sub", {}, filledWords(bracket)));
    this.#paintGuards();
    if (bracket.is_closed) fill(cells.acts, h("span.sub", {}, closedWords(bracket)));
    else if (!cells.acts.querySelector("button"))
      fill(cells.acts, ...actButtons(() => this.bracket, (changed) => this.take(changed)));
  }

  #paintGuards() {
    const { bracket, cells } = this;
    const guards = bracket.guards.filter((one) => one.held > 0 || one.hold !== "empty");
    const shown = guards.length ? guards : bracket.guards.slice(0, 1);
    fill(
      cells.guard,
      shown.map((one) =>
        h(
          `div.guard.${guardTone(one)}`,
          {},
          h("span", {}, one.words),
          one.hold === "empty" ? null : h("span.where", {}, one.where),
        ),
      ),
      [...new Set(guards.map(survival))].map((words) => words && h("div.sub", {}, words)),
      bracket.alarms.map((one) => h("div.alarm", {}, alarmWords(one.text))),
      bracket.overlays.filter(isTrouble).map((one) => h("div.alarm", {}, troubleWords(one))),
    );
  }

  /** Show the last price, how old it is, and how far stop and target are from it. */
  paintPrice(quote) {
    const { bracket, cells } = this;
    this.quote = quote ?? this.quote ?? null;
    const last = this.quote?.last ?? null;
    const sign = signOf(bracket.action);
    const left = (level, side) => (Number(last) - Number(level)) * side; // below zero: the market is through it
    const words = (level, side, beyond) => (bracket.held > 0 && left(level, side) <= 0 ? beyond : distance(level, last));
    const next = Math.max(0, bracket.target_levels.findIndex((one) => one.is_next));
    const which = bracket.targets.length > 1 ? `${next + 1} of ${bracket.targets.length} · ` : "";
    this.#paintEntry(last);
    paintLevel(cells.stop, bracket.stop, bracket.sl_price, last, (level) => words(level, sign, "the market is through it"));
    paintLevel(cells.target, bracket.targets[next], bracket.target_price, last, (level) => which + words(level, -sign, "reached"));
    if (!cells.last.firstChild) fill(cells.last, h("div.ltp"), h("div.rail", { "aria-hidden": "true" }, h("i")), h("div.sub"));
    const [ltp, rail, sub] = cells.last.children;
    say(ltp, last === null ? "no price yet" : price(last));
    this.#paintRail(rail, last);
    const age = this.quote === null ? null : now() - Date.parse(this.quote.at);
    cells.last.classList.toggle("stale", age !== null && age > STALE_MS);
    say(sub, age === null ? "" : `${ageText(age)} old`);
  }

  #paintEntry(last) {
    const { bracket, cells } = this;
    const level = bracket.average_price ?? bracket.trigger_price ?? bracket.entry_price;
    if (!cells.entry.firstChild) fill(cells.entry, h("div"), h("div.sub"));
    const kind = bracket.average_price ? "average fill" : bracket.pricetype.toLowerCase();
    const waits = !bracket.average_price && !bracket.is_closed && level !== null && last !== null;
    say(cells.entry.firstChild, level === null ? "market" : price(level));
    say(cells.entry.lastChild, waits ? `${kind} · ${distance(level, last)}` : kind);
  }

  #paintRail(rail, last) {
    const { sl_price: stop, target_price: target } = this.bracket;
    rail.hidden = last === null || stop === null || target === null;
    if (rail.hidden) return;
    const share = (Number(last) - Number(stop)) / (Number(target) - Number(stop));
    rail.firstChild.style.left = `${Math.min(100, Math.max(0, share * 100))}%`;
    rail.dataset.near = share < 0.15 ? "stop" : share > 0.85 ? "target" : "";
  }

  paintAge() {
    const { bracket, cells } = this;
    if (!cells.age.firstChild) fill(cells.age, h("div"), h("div.sub", {}, timeElement(bracket.created_at)));
    say(cells.age.firstChild, ageText(now() - Date.parse(bracket.created_at)));
  }

  #onKey(event) {
    if (event.target !== this.element || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter") location.assign(`/dashboard/brackets/${this.bracket.bracket_id}`);
    const act = { m: modify, c: cancel, x: exitNow }[event.key];
    if (act && !this.bracket.is_closed) {
      event.preventDefault();
      act(this.bracket, (changed) => this.take(changed));
    }
  }
}

const LABELS = {
  name: "", state: "State", entry: "Entry", stop: "Stop", last: "Last price",
  target: "Target", guard: "Protected by", age: "Age", acts: "",
};

function filledWords(bracket) {
  const held = bracket.held !== bracket.filled_quantity ? `, holds ${bracket.held}` : "";
  return `filled ${bracket.filled_quantity} of ${bracket.quantity}${held}`;
}

function closedWords(bracket) {
  const outcome = (bracket.outcome ?? bracket.state).toLowerCase().replaceAll("_", " ");
  return bracket.profit === null ? outcome : `${outcome}, ${profitText(bracket.profit)}`;
}

/** Say a level that counts from a fill that has not happened. */
function specWords(spec) {
  if (spec.percent) return `${Number(spec.percent)} % from fill`;
  return spec.points ? `${price(spec.points)} from fill` : "–";
}

function paintLevel(cell, spec, level, last, words) {
  if (!cell.firstChild) fill(cell, h("div"), h("div.sub"));
  say(cell.firstChild, level === null ? specWords(spec) : price(level));
  say(cell.lastChild, level === null || last === null ? "" : words(level));
}

function upsert(bracket) {
  const row = rows.get(bracket.bracket_id);
  if (row) row.take(bracket);
  else if (!bracket.is_closed) {
    const made = new Row(bracket);
    rows.set(bracket.bracket_id, made);
    insertNewestFirst(made);
  }
  if (bracket.is_closed) retire(bracket.bracket_id);
  paintSums();
}

function insertNewestFirst(row) {
  const older = [...byId("rows").children].find((one) => one.dataset.id < row.bracket.bracket_id);
  byId("rows").insertBefore(row.element, older ?? null);
}

function retire(id) {
  const row = rows.get(id);
  if (!row || row.isRetiring) return;
  row.isRetiring = true;
  row.element.classList.add("closed");
  setTimeout(() => {
    row.element.remove();
    rows.delete(id);
    paintSums();
  }, LINGER_MS);
}

function paintSums() {
  const open = [...rows.values()].filter((row) => !row.bracket.is_closed);
  const bare = open.filter((row) => row.bracket.naked).length;
  const holding = open.filter((row) => row.bracket.held > 0).length;
  const words = [`${open.length} open`, `${holding} with shares`];
  if (bare) words.push(`${bare} without a working stop`);
  say(byId("sums"), words.join(" · "));
  byId("empty").hidden = rows.size > 0;
  byId("board").classList.toggle("bare", rows.size === 0);
}

// --- keeping it true

let isLoaded = false;
let isLoading = false;

async function load() {
  if (isLoading) return;
  isLoading = true;
  try {
    const answer = await call("board", { byItself: true });
    isLoaded = true;
    for (const bracket of answer.brackets) upsert(bracket);
    byId("board").setAttribute("aria-busy", "false");
    paintSums();
  } catch (error) {
    console.info(`${error.message}; the next pulse asks again`);
  } finally {
    isLoading = false;
  }
}

function want(id) {
  wanted.add(id);
  gathering ??= setTimeout(refresh, GATHER_MS);
}

async function refresh() {
  const ids = [...wanted].slice(0, MOST_AT_ONCE);
  for (const id of ids) wanted.delete(id);
  gathering = wanted.size ? setTimeout(refresh, GATHER_MS) : null;
  try {
    const answer = await call(`board?ids=${ids.join(",")}`, { byItself: true });
    for (const bracket of answer.brackets) upsert(bracket);
  } catch (error) {
    console.info(`${error.message}; the next pulse asks again`);
  }
}

live.addEventListener("update", ({ detail: update }) => want(update.bracket_id));
setInterval(() => {
  for (const row of rows.values()) {
    row.paintPrice(null); // it grows old, also while nothing comes
    row.paintAge();
  }
}, 1000);
live.addEventListener("pulse", ({ detail: pulse }) => {
  if (!isLoaded) {
    load();
    return;
  }
  for (const [id, version] of Object.entries(pulse.versions)) {
    const row = rows.get(id);
    if (!row || row.bracket.version < version) want(id);
  }
  for (const [id, row] of rows) {
    if (!(id in pulse.versions) && !row.bracket.is_closed) want(id);
    row.paintPrice(pulse.quotes[row.bracket.quote_key]);
  }
});

document.addEventListener("keydown", (event) => {
  if (!["j", "k"].includes(event.key) || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, dialog")) return;
  const lines = [...byId("rows").children];
  const at = lines.indexOf(document.activeElement.closest(".row"));
  const next = event.key === "j" ? Math.min(lines.length - 1, at + 1) : Math.max(0, at - 1);
  lines[next]?.focus();
});

load();
