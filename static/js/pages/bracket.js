// One bracket: chart, orders, timeline, why.

import { actButtons, moveLevel } from "../core/acts.js";
import { alarmWords, guardTone, modeBadge, stateTone, stateWords, survival, isTrouble, troubleWords } from "../core/badges.js";
import { byId, fill, h, say } from "../core/dom.js";
import { call } from "../core/http.js";
import { live } from "../core/live.js";
import { distance, price, profitText } from "../core/money.js";
import { ageText, now, onZone, timeElement } from "../core/time.js";
import { PriceChart } from "../core/chart.js";
import { LevelHandles } from "../core/levels.js";

const id = byId("bracket").dataset.id;
const chart = new PriceChart(byId("chart"));
let bracket = null;
const handles = new LevelHandles(byId("chart-box"), chart, (level, to) => moveLevel(bracket, level, to, moved));
let toldAt = 0; // when the newest answer came, by the service's clock
let timeline = [];
let voice = "all";
let asking = false;
let stale = false;

async function load() {
  if (asking) {
    stale = true; // something came while we asked: once more
    return;
  }
  asking = true;
  try {
    const answer = await call(`brackets/${id}/story`, { byItself: true });
    take(answer);
  } catch (error) {
    console.info(`${error.message}; the next pulse asks again`);
  } finally {
    asking = false;
    if (stale) {
      stale = false;
      load();
    }
  }
}

function take(answer) {
  if (bracket && answer.bracket.version < bracket.version) return; // an older answer that came late
  bracket = answer.bracket;
  toldAt = now();
  timeline = answer.timeline;
  paintHead();
  paintNow();
  paintWhy();
  paintLegs();
  paintStory();
  chart.take(bracket, answer.prices);
  handles.take(bracket);
  paintDrawn();
  byId("bracket").setAttribute("aria-busy", "false");
}

/** Show what the service made of it at once; the story follows. */
function moved(changed) {
  bracket = changed;
  paintNow();
  chart.take(bracket);
  handles.take(bracket);
  load();
}

function paintHead() {
  fill(byId("title"), `${bracket.action} ${bracket.quantity} ${bracket.symbol} `, modeBadge(bracket), " ", h(`span.state.${stateTone(bracket)}`, {}, stateWords(bracket)));
  if (bracket.is_closed) fill(byId("acts"));
  else if (!byId("acts").firstChild) fill(byId("acts"), ...actButtons(() => bracket, () => load()));
}

function paintNow() {
  const quote = live.pulse?.quotes[bracket.quote_key] ?? bracket.quote;
  const away = (level) => (quote && level !== null ? ` (${distance(level, quote.last)} away)` : "");
  const facts = [
    ["Last price", quote ? `${price(quote.last)}, ${ageText(now() - Date.parse(quote.at))} old` : "no price yet"],
    ["Entry", entryWords()],
    ["Stop", level(bracket.sl_price, bracket.stop) + away(bracket.sl_price)],
    ...bracket.targets.map((target, at) => [
      bracket.targets.length > 1 ? `Target ${at + 1}, ${target.quantity} shares` : "Target",
      level(bracket.target_levels[at].price, target) + (bracket.target_levels[at].is_next ? away(bracket.target_price) : ""),
    ]),
    ["Filled", `${bracket.filled_quantity} of ${bracket.quantity}, holds ${bracket.held}`],
    ["Profit", bracket.profit === null ? "open" : `${profitText(bracket.profit)} before charges`],
    ["Without a stop", bracket.naked ? "now: see the red banner" : `${Number(bracket.naked_seconds).toFixed(1)} s in all`],
    ...(bracket.trailing.length ? [["Trailing", bracket.trailing.join(" ")]] : []),
    ["Account", `${bracket.account.name} at ${bracket.account.broker}`],
    ["Strategy", bracket.strategy || "–"],
    ["Placed", timeElement(bracket.created_at)],
    ["Bracket", h("code", {}, bracket.bracket_id)],
  ];
  if (bracket.exit_at) facts.push(["Leaves at", timeElement(bracket.exit_at)]);
  fill(byId("now"), facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

function entryWords() {
  if (bracket.average_price) return `${price(bracket.average_price)} average fill`;
  const limit = bracket.entry_price === null ? "" : ` ${price(bracket.entry_price)}`;
  return `${bracket.pricetype}${limit}${bracket.trigger_price === null ? "" : `, once ${price(bracket.trigger_price)} trades`}`;
}

function level(known, spec) {
  if (known !== null) return price(known);
  return spec.percent ? `${Number(spec.percent)} % from the fill` : `${price(spec.points)} from the fill`;
}

function paintWhy() {
  const explained = bracket.explanation;
  const lines = bracket.guards.map((guard) => {
    const why = explained?.slices.find((one) => one.slice === guard.slice)?.why;
    const where = guard.hold === "empty" ? "" : `, ${guard.where}${guard.order_id ? ` (order ${guard.order_id})` : ""}`;
    const lasts = survival(guard);
    return h(`p.guard.${guardTone(guard)}`, {}, h("b", {}, `${guard.held} held: ${guard.words}${where}. `), why ? `Why: ${why}. ` : "", lasts ? `Now: ${lasts}.` : "");
  });
  const read = explained?.last_read_age_seconds;
  fill(
    byId("why"),
    lines,
    h("p", {}, `By plan: ${bracket.protection.held_by}.`),
    bracket.overlays.filter(isTrouble).map((one) => h("p.guard.bad", {}, `Trouble: ${troubleWords(one)}.`)),
    bracket.alarms.map((one) => h("p.guard.bad", {}, `Alarm: ${alarmWords(one.text)} (${one.count})`)),
    explained ? h("p", {}, h("b", {}, "Next: "), explained.next, ".") : h("p.guard.warn", {}, "Nobody works this account now: it has no broker login."),
    read === null || read === undefined ? null : h("p.hint", {}, "This is as of ", timeElement(new Date(toldAt).toISOString()), ", by books of the broker read at ", timeElement(new Date(toldAt - read * 1000).toISOString()), "."),
  );
}

const LEG_HEADS = ["#", "For", "Order", "Status", "Filled", "Trigger", "Price", "Broker's id", "Sent", "Said"];

function paintLegs() {
  const head = h("thead", {}, h("tr", {}, ...LEG_HEADS.map((name) => h("th", { scope: "col" }, name))));
  const body = h("tbody", {}, ...bracket.legs.map(legRow));
  fill(byId("legs"), head, body);
}

function legRow(leg) {
  const trigger = leg.target_trigger ? `${price(leg.trigger_price)} / ${price(leg.target_trigger)}` : price(leg.trigger_price);
  const filled = `${leg.filled_quantity} of ${leg.quantity}${leg.average_price ? ` at ${price(leg.average_price)}` : ""}`;
  const cells = [
    leg.seq, leg.purpose, `${leg.side} ${leg.pricetype}${leg.kind === "gtt" ? " GTT" : ""}`,
    `${leg.status.replaceAll("_", " ")}${leg.change ? `, ${leg.change}` : ""}`,
    filled, trigger, price(leg.price), leg.order_id ?? "–", timeElement(leg.sent_at), leg.reason ?? "",
  ];
  return h("tr", {}, ...cells.map((cell) => h("td", {}, cell instanceof Node ? cell : String(cell))));
}

const VOICES = {
  all: "Everything",
  person: "People",
  asked: "Asked of the broker",
  answered: "Broker's answers",
  book: "Broker's books",
  decided: "Decisions",
  alarm: "Alarms",
};

function paintVoices() {
  const button = (name) =>
    h(
      "button.small",
      {
        type: "button",
        "aria-pressed": String(name === voice),
        onclick: () => {
          voice = name;
          paintVoices();
          paintStory();
        },
      },
      VOICES[name],
    );
  fill(byId("voices"), Object.keys(VOICES).map(button));
}

function paintStory() {
  const open = new Set([...byId("story").querySelectorAll("details[open]")].map((one) => one.dataset.seq));
  const shown = timeline.filter((one) => voice === "all" || one.voice === voice);
  fill(byId("story"), [...shown].reverse().map((one) => moment(one, open.has(String(one.seq)))));
}

function moment(one, isOpen) {
  const who = h(`span.voice.${one.voice}`, {}, VOICES[one.voice]);
  const line = [timeElement(one.at), who, h("span.words", {}, one.words)];
  if (one.noted === null) return h("li", {}, ...line);
  return h(
    "li",
    {},
    h(
      "details",
      { "data-seq": one.seq, open: isOpen },
      h("summary", {}, ...line),
      h("pre", { tabindex: "0" }, `${one.kind} ${JSON.stringify(one.noted, null, 1)}`),
    ),
  );
}

function paintDrawn() {
  const { sampled, since } = chart.told();
  const line = sampled ? `The line is what this page saw since ${since}: one price a second while a price came. ` : "No price came since this page was opened. ";
  fill(
    byId("drawn"),
    line,
    "Dots and arrows are prices stored with events (fills, trailing). Older market prices are not kept here. ",
    h("a", { href: "https://www.tradingview.com/", rel: "noopener noreferrer" }, "Charts by TradingView"),
    ".",
  );
}

live.addEventListener("update", ({ detail: update }) => update.bracket_id === id && load());
live.addEventListener("pulse", ({ detail: pulse }) => {
  if (!bracket) {
    load();
    return;
  }
  const version = pulse.versions[id];
  if (version === undefined ? !bracket.is_closed : version > bracket.version) load();
  chart.sample(pulse.quotes[bracket.quote_key]);
  paintNow();
  paintDrawn();
});
onZone(() => chart.repaint());
document.addEventListener("themechange", () => chart.repaint());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart.repaint());

paintVoices();
load();
