// A new bracket.

import { confirmAct } from "../core/dialog.js";
import { byId, fill, h, say } from "../core/dom.js";
import { call, Refused } from "../core/http.js";
import { price } from "../core/money.js";
import { OrderForm, unsaidOf } from "../core/order_form.js";
import { SymbolSearch } from "../core/symbol_search.js";
import { trialView } from "../core/trial.js";

const PAUSE_MS = 250;
const PRICE_MS = 3000;
const PLACED_BEFORE =
  "This form has placed an order already, as it was filled in then. Look at the board; for one more, load this page anew.";

const element = byId("order");
const form = new OrderForm(element);
let accounts = [];
let symbol = null; // what was chosen, with its choices
let formId = newId(); // the same for every click on this form: a second one places nothing more
let asked = 0;
let timer = null;
let pricedAt = null; // the last price that the preview knows

/** Return an id that no other form has; crypto.randomUUID is not there without https. */
function newId() {
  return `form-${[...crypto.getRandomValues(new Uint8Array(16))].map((one) => one.toString(16).padStart(2, "0")).join("")}`;
}

const account = () => accounts.find((one) => one.id === byId("account").value) ?? null;
const chosen = (name) => element.querySelector(`input[name="${name}"]:checked`)?.value;
const place = () => new URLSearchParams({ account: account().id, exchange: symbol.exchange, symbol: symbol.symbol });

function order() {
  const body = { account: account()?.id, ...form.read(), action: chosen("action") };
  if (symbol) Object.assign(body, { symbol: symbol.symbol, exchange: symbol.exchange });
  if (chosen("product")) body.product = chosen("product");
  return body;
}

// --- account, symbol, product

async function loadAccounts() {
  ({ accounts } = await call("new/accounts"));
  fill(byId("account"), accounts.map((one) => h("option", { value: one.id }, `${one.name} (${one.broker})`)));
  if (!accounts.length) complain("There is no account that takes orders.");
  paintAccount();
}

function paintAccount() {
  const one = account();
  if (one) paintMode(one.paper);
  else fill(byId("account-mode"));
}

function paintMode(isPaper) {
  fill(byId("account-mode"), h(`span.badge.${isPaper ? "paper" : "live"}`, {}, isPaper ? "PAPER" : "LIVE"), isPaper ? " no real money" : " real money");
}

byId("account").addEventListener("change", () => {
  paintAccount();
  if (symbol) choose(symbol);
});

const search = new SymbolSearch(byId("symbol"), byId("found"), () => account()?.id);
search.addEventListener("typed", () => {
  symbol = null;
  say(byId("symbol-facts"), "");
  paintProducts();
});
search.addEventListener("chosen", ({ detail }) => choose(detail));

async function choose(found) {
  symbol = { ...found, products: null }; // those of another account are not this one's
  const mine = symbol;
  paintProducts();
  try {
    const choices = await call(`new/choices?${place()}`);
    if (symbol !== mine) return;
    symbol = { ...found, ...choices };
    paintSymbol(choices.quote);
    paintProducts();
    soon();
  } catch (error) {
    if (symbol !== mine) return;
    symbol = null;
    say(byId("symbol-facts"), error.message);
  }
}

function paintSymbol(quote) {
  const facts = [symbol.exchange, quote ? `last ${price(quote.last)}` : "no price now", `tick ${symbol.tick}`];
  if (symbol.lot > 1) facts.push(`lot ${symbol.lot}`);
  if (symbol.expiry) facts.push(`expires ${symbol.expiry}`);
  say(byId("symbol-facts"), facts.join(" · "));
}

const HELD = { A: "stop at the exchange", B: "broker's trigger (GTT)", C: "two loose orders", D: "broker's bracket" };

function paintProducts() {
  const box = byId("products");
  const was = chosen("product") ?? localStorage.getItem("product");
  const legend = box.querySelector("legend");
  if (!symbol?.products) {
    fill(box, legend, h("p.hint", {}, "Choose a symbol first."));
    return;
  }
  const refusals = (one) => one.refusals[chosen("action")].filter((said) => !said.includes("exit_at"));
  const possible = symbol.products.filter((one) => !refusals(one).length);
  const picked = possible.find((one) => one.product === was) ?? possible[0];
  const label = (one) =>
    h(
      "label",
      {},
      h("input", { type: "radio", name: "product", value: one.product, checked: one === picked, disabled: refusals(one).length > 0 }),
      one.product,
      h("span.hint", {}, refusals(one).length ? "not here" : HELD[one.topology]),
    );
  const why = symbol.products.flatMap((one) => one.refusals[chosen("action")]);
  fill(box, legend, symbol.products.map(label), [...new Set(why)].map((one) => h("p.hint.why", {}, one)));
}

for (const one of element.querySelectorAll('input[name="action"]')) one.addEventListener("change", paintProducts);
byId("products").addEventListener("change", () => localStorage.setItem("product", chosen("product")));

// --- preview

form.addEventListener("changed", soon);

function soon() {
  clearTimeout(timer);
  timer = setTimeout(() => preview().catch(() => {}), PAUSE_MS);
}

/** Ask what the order would do; returns the answer, or null when a newer question was asked meanwhile. */
async function preview({ insists = false, byItself = false, body = order() } = {}) {
  if (!symbol && !insists) return null;
  const number = (asked += 1);
  try {
    const told = await call("new/preview", { body, byItself });
    if (number !== asked) return null;
    complain("");
    show(told, insists);
    return told;
  } catch (error) {
    if (number !== asked) return null;
    // What stood there is of an earlier form: nobody may take it for this one's.
    fill(byId("preview"), h("p.hint", {}, "What it will do cannot be told now."));
    complain(error.message);
    throw error;
  }
}

function show(told, insists) {
  const refusals = told.refusals ?? {};
  const left = form.showFaults(refusals, { unsaidToo: insists });
  const unsaid = unsaidOf(refusals);
  const isMerelyUnsaid = unsaid.length > 0 && !insists && Object.values(refusals).flat().every((one) => one.startsWith("Missing"));
  let verdict = `Refused: ${told.message}`;
  if (told.accepted) paintMode(told.paper); // the analyzer may have been switched since the page was opened
  if (told.accepted) verdict = `Valid. ${told.paper ? "Paper: no real money." : "LIVE: real money."}`;
  else if (isMerelyUnsaid) verdict = `Still needed: ${unsaid.map(named).join(", ")}`;
  fill(byId("preview"), trialView({ ...told, refusals: told.accepted ? {} : refusals }, { verdict, unsaid: isMerelyUnsaid ? unsaid : [] }));
  if (insists && left.length) complain(left.join("; "));
}

const NAMES = { sl_price: "stop", target_price: "target", entry_price: "entry price", trigger_price: "trigger price", quantity: "how much" };
const named = (field) => NAMES[field] ?? field;

function complain(text) {
  say(byId("order-fault"), text);
  byId("order-fault").hidden = !text;
}

setInterval(async () => {
  if (!symbol?.products || document.hidden || document.querySelector("dialog[open]")) return;
  try {
    const { quote } = await call(`new/price?${place()}`, { byItself: true });
    if (!symbol) return;
    paintSymbol(quote);
    if (quote?.last !== pricedAt) {
      pricedAt = quote?.last;
      await preview({ byItself: true });
    }
  } catch (error) {
    console.warn(`${error.message}; the next pulse asks again`);
  }
}, PRICE_MS);

// --- placing

element.addEventListener("submit", async (event) => {
  event.preventDefault();
  clearTimeout(timer);
  const body = order(); // once: what is asked for is what is told and placed, whatever is typed meanwhile
  const told = await preview({ insists: true, body }).catch(() => null);
  if (told === null) return;
  if (!told.accepted) {
    (form.firstFault() ?? byId("symbol")).focus();
    return;
  }
  confirmAct({
    title: `Place: ${body.action} ${told.plan.quantity} ${body.symbol}`,
    consequences: () => told,
    confirm: "Place it",
    danger: !told.paper,
    act: () => send({ ...body, client_order_id: formId, paper: told.paper }),
  });
});

async function send(body) {
  try {
    const placed = await call("new/place", { body, seconds: 15 });
    if (placed.bracket_id === null) throw new Error(placed.message);
    location.assign(`/dashboard/brackets/${placed.bracket_id}`);
    await new Promise(() => {}); // the page is on its way out: nothing can be pressed again
  } catch (error) {
    // The broker's refusal is stored under this form's id: what is tried next is another order.
    if (error instanceof Refused && error.bracketId) formId = newId();
    // Sent before, and the answer was lost: what was sent then may stand. Another id here could place twice.
    if (error.code === "idempotency_conflict") throw new Error(PLACED_BEFORE);
    throw error;
  }
}

loadAccounts().catch((error) => complain(error.message));
