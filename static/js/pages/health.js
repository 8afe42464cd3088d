// Health: readiness, workers, queues, checks, how brokers answer.

import { troubleWords } from "../core/badges.js";
import { byId, fill, h, say } from "../core/dom.js";
import { call } from "../core/http.js";
import { table } from "../core/tables.js";

const EVERY_MS = 2000;
const seconds = (value) => (value === null ? "–" : `${value.toFixed(1)} s`);
const precise = (value) => `${value.toFixed(3)} s`;

async function load() {
  try {
    paint(await call("health", { byItself: true }));
  } catch (error) {
    console.info(error.message); // the banner says that the service is gone
  }
}

function paint(told) {
  const verdict = byId("verdict");
  const [tone, text] = told.faults.length ? ["bad", "Not ready"] : told.warnings.length ? ["warn", "Ready, with warnings"] : ["good", "Ready"];
  verdict.className = `sums verdict ${tone}`;
  say(verdict, text);
  const lines = [...told.faults.map((one) => h("li", {}, h("b.loss", {}, one))), ...told.warnings.map((one) => h("li", {}, one))];
  const news = JSON.stringify([told.faults, told.warnings]);
  if (byId("told").dataset.said !== news) fill(byId("told"), lines.length ? lines : h("li.off", {}, "Nothing."));
  byId("told").dataset.said = news;
  const names = Object.fromEntries(told.accounts.map((one) => [one.id, one.name]));
  keepScroll(byId("workers"), workersTable(told.workers, names));
  keepScroll(byId("queues"), table("Queues", ["Queue", "Waiting", "Lost"], told.queues.map((one) => [[one.name, "wrap"], String(one.waiting), one.lost ? h("b.loss", {}, String(one.lost)) : "0"]), { right: [1, 2] }));
}

function workersTable(workers, names) {
  const heads = ["Account", "Brackets", "Open", "State", "Last turn", "Newest read", "Messages waiting", "Answers not stored"];
  const rows = workers.map((one) => [
    names[one.account_id],
    one.mode === "live" ? "live" : "paper",
    String(one.open),
    state(one),
    `${one.turned_seconds.toFixed(1)} s ago`,
    one.is_reading ? seconds(one.read_seconds) : h("span.off", {}, "not reading"),
    String(one.inbox),
    one.unstored ? h("b.loss", {}, String(one.unstored)) : "0",
  ]);
  return table("Workers", heads, rows, { right: [2, 6, 7], nothing: "No account is being worked." });
}

function state(one) {
  if (one.turned_seconds > 10) return h("span.state.bad", {}, "hangs");
  if (one.stuck.length) return h("span.state.bad", {}, `${one.stuck.length} cannot be decided`);
  if (one.troubles.length) return h("span.state.warn", {}, one.troubles.map(troubleWords).join("; "));
  return h("span.state.good", {}, "at work");
}

/** Put a table in the place of the one before, scrolled and focused as that was. */
function keepScroll(box, made) {
  const before = box.querySelector(".scroll");
  const [left, focused] = [before?.scrollLeft ?? 0, before !== null && before === document.activeElement];
  fill(box, made);
  made.scrollLeft = left;
  if (focused) made.focus({ preventScroll: true });
  box.setAttribute("aria-busy", "false");
}

async function loadBrokers() {
  const { brokers } = await call("health/brokers", { byItself: true, seconds: 30 });
  const heads = ["Broker", "Orders", "Acceptance, middle", "worst", "Books stale, middle", "worst", "Q", "Q needed", "Verdict"];
  const rows = brokers.map((one) => [
    one.broker,
    String(one.acceptance_seconds.count),
    precise(one.acceptance_seconds.middle),
    precise(one.acceptance_seconds.worst),
    precise(one.book_staleness_seconds.middle),
    precise(one.book_staleness_seconds.worst),
    seconds(one.quiescence_seconds),
    seconds(one.needed_quiescence_seconds),
    one.quiescence_is_enough ? h("span.state.good", {}, "enough") : h("span.state.bad", {}, "not enough"),
  ]);
  fill(byId("brokers"), table("How brokers answer", heads, rows, { right: [1, 2, 3, 4, 5, 6, 7], nothing: "No order was sent in these days." }));
  byId("brokers").setAttribute("aria-busy", "false");
}

byId("check").addEventListener("click", async () => {
  const button = byId("check");
  button.disabled = true;
  try {
    const { checks } = await call("health/checks", { seconds: 60 });
    fill(byId("checks"), checks.map((one) => h("li", {}, one.fine ? h("span.gain", {}, "ok ") : h("b.loss", {}, "WRONG "), one.words)));
  } catch (error) {
    fill(byId("checks"), h("li", {}, h("b.loss", {}, error.message)));
  } finally {
    button.disabled = false;
  }
});

load();
loadBrokers();
setInterval(load, EVERY_MS);
