// History: closed brackets, filtered and summed; paged by the service.

import { byId, fill, h, say } from "../core/dom.js";
import { onSubmit } from "../core/forms.js";
import { call } from "../core/http.js";
import { price } from "../core/money.js";
import { money, table, words } from "../core/tables.js";
import { timeElement } from "../core/time.js";

const form = byId("asked");
let places = [""]; // where each page seen so far begins; the last one is shown
let next = null;

const asked = () => {
  const said = [...new FormData(form)].filter(([, value]) => value.trim());
  return new URLSearchParams(said.map(([name, value]) => [name, value.trim()]));
};

async function show() {
  const filters = asked();
  const [, sums] = await Promise.all([page(filters, [""]), call(`history/sums?${filters}`, { seconds: 60 })]);
  byId("csv").href = `/dashboard/api/history.csv?${filters}`;
  fill(byId("sums"), sums.sums.map(sumsOf));
  const all = sums.sums.reduce((sum, one) => sum + one.total.brackets, 0);
  say(byId("told"), `${all} closed ${all === 1 ? "bracket" : "brackets"}`);
  history.replaceState(null, "", `?${filters}`);
}

async function page(filters, wanted) {
  const from = new URLSearchParams(filters);
  if (wanted.at(-1)) from.set("after", wanted.at(-1));
  const answer = await call(`history?${from}`, { seconds: 30 });
  places = wanted;
  next = answer.next;
  const heads = ["Closed", "Symbol", "Money", "Outcome", "Filled", "Entry", "Profit", "Without stop", "Strategy", "Account"];
  const rows = answer.brackets.map(row);
  fill(byId("list"), table("Closed brackets", heads, rows, { right: [4, 5, 6, 7], nothing: "No bracket was closed that fits." }));
  byId("list").setAttribute("aria-busy", "false");
  byId("newer").disabled = places.length === 1;
  byId("older").disabled = next === null;
  say(byId("place"), `page ${places.length}`);
}

function row(one) {
  return [
    timeElement(one.closed_at),
    h("a", { href: `/dashboard/brackets/${one.bracket_id}` }, `${one.action} ${one.quantity} ${one.exchange}:${one.symbol}`),
    h(`span.badge.${one.paper ? "paper" : "live"}`, {}, one.paper ? "PAPER" : "LIVE"),
    words(one.ending),
    String(one.filled_quantity),
    price(one.average_price),
    money(one.profit),
    one.naked_seconds ? `${one.naked_seconds.toFixed(1)} s` : "–",
    [one.strategy, "wrap"],
    one.account,
  ];
}

function sumsOf(one) {
  const title = one.paper ? "Paper" : "Live";
  const id = `sum-${title.toLowerCase()}`;
  const { total } = one;
  const tile = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));
  return h(
    "section.card",
    { "aria-labelledby": id },
    h("h2", { id }, title, h("small", {}, one.paper ? " no real money" : " real money")),
    h(
      "dl.tiles",
      {},
      tile("Profit", money(total.profit)),
      tile("Traded", `${total.traded} of ${total.brackets}`),
      tile("Won, lost", `${total.won}, ${total.lost}`),
      total.unknown ? tile("Profit unknown", String(total.unknown)) : null,
    ),
    total.unknown ? h("p.hint", {}, `${total.unknown} that somebody else closed in part are in no sum of profit.`) : null,
    h("details.more", {}, h("summary", {}, "By day, strategy and symbol"), h("div.trio", {}, part("Day", title, one.by_day), part("Strategy", title, one.by_strategy), part("Symbol", title, one.by_symbol))),
  );
}

function part(name, title, sums) {
  const rows = sums.map((one) => [one.name || h("span.off", {}, "none"), money(one.profit), `${one.won}/${one.lost}`, String(one.brackets)]);
  return table(`${title}: sums by ${name.toLowerCase()}`, [name, "Profit", "Won/lost", "Brackets"], rows, { right: [1, 2, 3] });
}

function startFromAddress() {
  for (const [name, value] of new URLSearchParams(location.search)) {
    if (form.elements[name]) form.elements[name].value = value;
  }
}

const turn = (wanted) => async () => {
  await page(asked(), wanted());
  byId("h-list").scrollIntoView({ block: "nearest" });
};
byId("older").addEventListener("click", turn(() => [...places, next]));
byId("newer").addEventListener("click", turn(() => places.slice(0, -1)));

onSubmit(form, show);
startFromAddress();
form.requestSubmit();
