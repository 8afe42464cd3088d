// The safety report of some days.

import { byId, fill, h } from "../core/dom.js";
import { onSubmit } from "../core/forms.js";
import { call } from "../core/http.js";
import { table, words } from "../core/tables.js";
import { ageText } from "../core/time.js";

const form = byId("asked");
const seconds = (value) => `${value.toFixed(3)} s`;

async function load() {
  const asked = new URLSearchParams(new FormData(form));
  const { report } = await call(`safety?${asked}`, { seconds: 60 });
  fill(byId("report"), verdict(report), naked(report), ended(report), unresolved(report), brokers(report));
  byId("report").setAttribute("aria-busy", "false");
}

const tile = (name, value, sub, tone = "") => h("div", {}, h("dt", {}, name), h(`dd${tone}`, {}, value, sub ? h("span.sub", {}, ` ${sub}`) : null));
const section = (title, ...content) => {
  const id = `h-${title.replaceAll(/\W+/g, "-").toLowerCase()}`;
  return h("section.card", { "aria-labelledby": id }, h("h2", { id }, title), ...content);
};
const count = (one) => String(one.count);

function verdict(report) {
  const { naked, brackets } = report;
  return section(
    "In short",
    h(
      "dl.tiles",
      {},
      tile("Brackets placed", String(brackets.placed), `${brackets.open} open now`),
      tile("Without a working stop", `${naked.spells} times`, null),
      tile("in all", ageOf(naked.seconds), null),
      tile("longest", ageOf(naked.longest_seconds), null),
      tile("Emergency exits", count(report.emergency_exits), null, report.emergency_exits.count ? ".loss" : ""),
      tile("Unwinds", count(report.unwinds), null),
      tile("Orders back from the dead", count(report.zombies), null, report.zombies.count ? ".loss" : ""),
      tile("Calls of unknown outcome", String(report.unknown_outcomes), null),
    ),
  );
}

const ageOf = (value) => (value >= 60 ? ageText(value * 1000) : seconds(value));

function naked(report) {
  const rows = report.naked.by_cause.map((one) => [words(one.cause), String(one.spells), seconds(one.seconds), seconds(one.longest_seconds)]);
  const now = report.naked.now.map((one) => h("p.fault", {}, h("b", {}, `Now: ${one.quantity} shares for ${seconds(one.seconds)}`), `, ${words(one.cause)}. `, bracketLink(one.bracket_id)));
  return section("Shares without a working stop, by cause", ...now, table("Naked time by cause", ["Cause", "Times", "In all", "Longest"], rows, { right: [1, 2, 3], nothing: "Every filled share had a working stop." }));
}

function ended(report) {
  const states = Object.entries(report.brackets.states).map(([name, number]) => [words(name.toLowerCase()), String(number)]);
  const alarms = Object.entries(report.alarms).map(([name, number]) => [words(name), String(number)]);
  return h(
    "div.trio",
    {},
    section("Placed brackets, as they are now", table("States", ["State", "Brackets"], states, { right: [1], nothing: "None was placed." })),
    section("Alarms", table("Alarms", ["Alarm", "Times"], alarms, { right: [1], nothing: "None." })),
  );
}

const bracketLink = (id) => h("a", { href: `/dashboard/brackets/${id}` }, `bracket ${id.slice(-6)}`);

function unresolved(report) {
  const rows = report.unresolved.map((one) => [bracketLink(one.bracket_id), one.why.map(words).join(", ")]);
  const acts = [["Emergency exit", report.emergency_exits], ["Unwind", report.unwinds], ["Back from the dead", report.zombies]];
  const named = acts.flatMap(([name, one]) => one.bracket_ids.map((id) => [bracketLink(id), name]));
  return h(
    "div.trio",
    {},
    section("Not resolved now", table("Unresolved brackets", ["Bracket", "Why"], rows, { nothing: "Nothing is left open that nobody may call fine." })),
    section("What a person should look at", table("Brackets to look at", ["Bracket", "What"], named, { nothing: "Nothing." })),
  );
}

function brokers(report) {
  const rows = report.brokers.map((one) => [
    one.broker,
    String(one.acceptance_seconds.count),
    seconds(one.acceptance_seconds.worst),
    seconds(one.book_staleness_seconds.worst),
    `${one.needed_quiescence_seconds.toFixed(1)} of ${one.quiescence_seconds.toFixed(0)} s`,
    one.quiescence_is_enough ? h("span.state.good", {}, "enough") : h("span.state.bad", {}, "not enough"),
  ]);
  return section("How brokers answered", table("How brokers answered", ["Broker", "Orders", "Slowest acceptance", "Stalest book", "Q needed", "Verdict"], rows, { right: [1, 2, 3, 4], nothing: "No order was sent." }));
}

onSubmit(form, load);
form.requestSubmit();
