// What is at the brokers and in no bracket.

import { byId, fill, h } from "../core/dom.js";
import { call } from "../core/http.js";
import { price } from "../core/money.js";
import { table, words } from "../core/tables.js";
import { timeElement } from "../core/time.js";

async function load() {
  byId("again").disabled = true;
  try {
    const { books, unread } = await call("beside", { seconds: 30 });
    fill(byId("books"), books.map(card), unread.map(unreadCard));
    byId("books").setAttribute("aria-busy", "false");
  } catch (error) {
    // What stood there is of an earlier read: nobody may take it for what is so now.
    fill(byId("books"), h("p.fault", { role: "alert" }, error.message));
  } finally {
    byId("again").disabled = false;
  }
}

function card(one) {
  return section(
    one,
    h(`span.badge.${one.paper ? "paper" : "live"}`, {}, one.paper ? "PAPER" : "LIVE"),
    one.fault ? h("p.fault", {}, `Its books could not be read: ${one.fault}.`) : contents(one),
  );
}

const unreadCard = (account) => section({ account, mode: "unread" }, null, h("p.fault", {}, "Its books cannot be read: the account has no broker login."));

function section(one, badge, content) {
  const id = `beside-${one.account.id}-${one.mode}`;
  return h("section.card", { "aria-labelledby": id }, h("h2", { id }, `${nameOf(one)} `, h("small", {}, `${one.account.broker} `), badge), content);
}

/** An account has books of its own for what the analyzer placed. */
const nameOf = (one) => `${one.account.name}${one.mode === "analyze" ? ", analyzer" : ""}`;

const whose = (row) => (row.placed_here ? "a plain order of this service" : "somewhere else");
const named = (row) => `${row.exchange}:${row.symbol}`;

function contents(one) {
  const { orders, gtts, shares, unsettled } = one;
  if (![...orders, ...gtts, ...shares, ...unsettled].length) return h("p", {}, "Nothing. Read at ", timeElement(one.read_at), ".");
  const title = (text) => `${text} of account ${nameOf(one)}`;
  return h(
    "div.stack",
    {},
    unsettled.length ? part("It is not known whether the broker has these", title("Unsettled orders"), ["Order", "Product", "State", "Sent", "Our id"], unsettled.map(unsettledRow)) : null,
    shares.length ? part("Shares", title("Shares"), ["Symbol", "Product", "Held", "Average price"], shares.map(sharesRow), [2, 3]) : null,
    orders.length ? part("Orders that wait", title("Orders"), ["Order", "Product", "Filled", "Trigger", "Price", "State", "Placed by", "Broker's id"], orders.map(orderRow), [3, 4]) : null,
    gtts.length ? part("Triggers (GTT)", title("Triggers"), ["Order", "Product", "Trigger", "State", "Placed by", "Broker's id"], gtts.map(gttRow)) : null,
    h("p.hint", {}, "Read at ", timeElement(one.read_at), "."),
  );
}

const part = (heading, label, heads, rows, right = []) => h("div", {}, h("h3", {}, heading), table(label, heads, rows, { right }));
const sharesRow = (row) => [named(row), row.product, String(row.quantity), price(row.average_price)];
const unsettledRow = (row) => [`${row.side} ${row.quantity} ${named(row)}`, row.product, h("b.loss", {}, words(row.status)), timeElement(row.sent_at), h("code", {}, row.order_id)];
const gttRow = (row) => [`${row.side} ${row.quantity} ${named(row)}`, row.product, row.triggers.map(price).join(" or "), words(row.status), whose(row), h("code", {}, row.order_id)];

function orderRow(row) {
  const what = `${row.side} ${row.quantity} ${named(row)} ${row.pricetype}`;
  return [what, row.product, `${row.filled} of ${row.quantity}`, price(row.trigger_price), price(row.price), words(row.status), whose(row), h("code", {}, row.order_id)];
}

byId("again").addEventListener("click", load);
load();
