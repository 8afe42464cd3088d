// What an order or alert would do, or why not: told by previews, the test box and replays alike.

import { h } from "./dom.js";
import { price } from "./money.js";

const TONES = { true: "good", false: "bad" };

/** Return the telling of a trial as elements. `unsaid` are sentences on what is merely not filled in yet. */
export function trialView(told, { verdict = told.message, unsaid = [] } = {}) {
  const refusals = Object.entries(told.refusals ?? {})
    .map(([field, said]) => [field, said.filter((one) => !verdict.includes(one))])
    .filter(([, said]) => said.length);
  return h(
    "div.trial",
    {},
    h(`p.verdict.${unsaid.length ? "plain" : TONES[told.accepted]}`, {}, verdict),
    unsaid.length || !refusals.length
      ? null
      : h("ul", {}, refusals.flatMap(([field, said]) => said.map((one) => h("li", {}, one.includes(field) ? one : `${field}: ${one}`)))),
    told.stakes ? stakes(told.stakes, told.reference_price) : null,
    told.dialect ? dialect(told) : null,
    told.legs ? legs(told.legs) : null,
    told.rounding?.length ? rounding(told.rounding) : null,
    told.protection ? protection(told.protection) : null,
  );
}

function stakes(put, reference) {
  const bar = h("div.stakes", { "aria-hidden": "true" }, h("i"), h("i"));
  bar.firstChild.style.flexGrow = Number(put.risk);
  bar.lastChild.style.flexGrow = Number(put.reward);
  const facts = [
    ["At risk", price(put.risk)],
    ["To win", price(put.reward)],
    ["Reward for each 1 at risk", put.ratio === null ? "–" : Number(put.ratio).toFixed(2)],
    ["Worth", `${price(put.value)} at ${price(reference)}`],
  ];
  return h("div", {}, bar, list(facts), h("p.hint", {}, "In the currency of the exchange, before charges, and as far as the stop fills at its trigger."));
}

function dialect(told) {
  const facts = [["Dialect", told.dialect], ["Signal", [told.signal, told.side].filter(Boolean).join(" ")]];
  if (told.ignored_fields?.length) facts.push(["Not used", told.ignored_fields.join(", ")]);
  return h("div", {}, list(facts), told.order ? h("details", {}, h("summary", {}, "The order it comes to"), pre(told.order)) : null);
}

export const pre = (value) => h("pre", { tabindex: "0" }, JSON.stringify(value, null, 1));

function list(facts) {
  return h("dl.facts", {}, ...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

const LEG_HEADS = ["For", "Order", "Trigger", "Price"];

function legs(all) {
  const row = (leg) => {
    const open = leg.purpose === "entry" ? "–" : "from the fill";
    const at = (text, needed) => (text === null ? (needed ? open : "–") : price(text));
    return [
      leg.purpose,
      `${leg.side} ${leg.quantity} ${leg.pricetype}`,
      at(leg.trigger_price, leg.purpose === "stop"),
      at(leg.price, leg.purpose === "target"),
    ];
  };
  return h(
    "div",
    {},
    h("h3", {}, "Orders"),
    h(
      "div.scroll",
      { tabindex: "0", role: "region", "aria-label": "Orders to come" },
      h(
        "table.plain",
        {},
        h("thead", {}, h("tr", {}, ...LEG_HEADS.map((name) => h("th", { scope: "col" }, name)))),
        h("tbody", {}, ...all.map((leg) => h("tr", {}, ...row(leg).map((cell) => h("td", {}, cell))))),
      ),
    ),
  );
}

function rounding(all) {
  return h(
    "div",
    {},
    h("h3", {}, "Rounded to the tick"),
    h("ul", {}, all.map((one) => h("li", {}, `${one.field}: ${one.exact} becomes ${one.rounded}`))),
  );
}

function protection(held) {
  const { stop, target } = held.survives_shutdown;
  const outlives = stop && target
    ? "Without this service: stop and target work on."
    : `Without this service: the stop ${stop ? "works on" : "does not work"}; the target ${target ? "works on" : "waits until the service is back"}.`;
  return h(
    "div",
    {},
    h("h3", {}, "Protection"),
    h("p", {}, `Held by: ${held.held_by}.`),
    h(`p.guard.${stop && target ? "good" : "warn"}`, {}, outlives),
    h("ul", {}, held.warnings.map((one) => h("li", {}, one))),
  );
}
