// The builder of alert messages, and the box that tries them.

import { byId, fill, h, say } from "../core/dom.js";
import { call, Refused } from "../core/http.js";
import { OrderForm } from "../core/order_form.js";
import { trialView } from "../core/trial.js";

const PAUSE_MS = 250;

const element = byId("build");
const form = new OrderForm(element);
let webhooks = [];
let timer = null;
let asked = 0;
let tried = 0;
let shown = null; // the form whose message is shown

const chosen = (name) => element.querySelector(`input[name="${name}"]:checked`).value;
const hook = () => webhooks.find((one) => one.id === byId("webhook").value) ?? null;
const titled = (one) => `${one.name || one.id}, account ${one.account.name}`;

async function load() {
  const told = await call("alerts/webhooks");
  webhooks = told.webhooks;
  fill(byId("webhook"), webhooks.map((one) => h("option", { value: one.id }, titled(one))));
  byId("no-webhook").hidden = webhooks.length > 0;
  const by = webhooks.map((one) => h("option", { value: `webhook ${one.id}` }, `webhook ${titled(one)}`));
  const plain = told.accounts.map((one) => h("option", { value: `account ${one.id}` }, `account ${one.name}, no webhook`));
  fill(byId("test-by"), by, plain);
  await build();
}

function paintStyle() {
  const isStrategy = chosen("style") === "strategy";
  byId("a-action").disabled = isStrategy;
  byId("a-action").closest(".field").hidden = isStrategy;
  byId("size").closest(".field").hidden = isStrategy && byId("size-unit").value === "quantity";
  byId("by-strategy").hidden = !isStrategy;
}

function paintFacts() {
  const one = hook();
  if (!one) return;
  const facts = [];
  if (one.paused) facts.push("This webhook is paused: its alerts are refused.");
  if (one.require_timenow) facts.push("Takes alerts up to 60 s old.");
  const defaults = Object.entries(one.defaults);
  if (defaults.length) facts.push(`Adds what a message leaves open: ${defaults.map((pair) => pair.join(" ")).join(", ")}.`);
  say(byId("webhook-facts"), facts.join(" "));
}

// --- building

form.addEventListener("changed", soon);

function soon() {
  const said = JSON.stringify(message());
  if (said === shown) return; // a field that was left as it was: nothing moves under the pointer
  shown = null;
  clearTimeout(timer);
  forget(); // what stands there is of the form as it was: nobody may copy that
  timer = setTimeout(built, PAUSE_MS);
}

/** Build what waits to be built, now. */
async function built() {
  if (timer === null) return;
  clearTimeout(timer);
  timer = null;
  await build().catch((error) => complain(error.message));
}

function forget() {
  asked += 1;
  byId("text").value = "";
  byId("url").value = "";
  say(byId("copied"), "");
}

function message() {
  const body = { webhook: hook()?.id, style: chosen("style"), in_address: chosen("place") === "address", ...form.read() };
  const token = byId("token").value.trim();
  if (token) body.token = token;
  return body;
}

async function build() {
  paintStyle();
  paintFacts();
  if (!hook()) return;
  const number = (asked += 1);
  const body = message();
  try {
    const told = await call("alerts/message", { body });
    if (number !== asked) return;
    shown = JSON.stringify(body);
    show(told);
  } catch (error) {
    if (number !== asked) return; // of an earlier form
    if (!(error instanceof Refused)) throw error;
    const left = form.showFaults(error.errors);
    complain(Object.keys(error.errors).length ? left.join("; ") : error.message);
  }
}

function show(told) {
  form.showFaults({});
  complain("");
  const lacks = told.lacks_token;
  const alert = lacks && !told.in_address ? { apikey: "PASTE-THE-TOKEN-HERE", ...told.alert } : told.alert;
  byId("text").value = JSON.stringify(alert, null, 2);
  byId("url").value = lacks && told.in_address ? `${told.url}/PASTE-THE-TOKEN-HERE` : told.url;
  byId("lacks-token").hidden = !lacks;
  say(byId("lacks-token"), `The token is not in it: put it in the place of PASTE-THE-TOKEN-HERE in the ${told.in_address ? "address" : "message"}.`);
  const isLocal = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
  byId("local").hidden = !isLocal;
  say(byId("local"), "You are looking at this machine's own address. TradingView reaches a public one only, on port 80 or 443.");
}

function complain(text) {
  say(byId("build-fault"), text);
  byId("build-fault").hidden = !text;
}

async function copy(from, words) {
  await built();
  const field = byId(from);
  if (!field.value) return; // it cannot be built, and that is told
  try {
    await navigator.clipboard.writeText(field.value);
    say(byId("copied"), words);
  } catch {
    field.select(); // no clipboard without https: it is marked, to be copied by hand
    say(byId("copied"), "Your browser does not let this page copy. It is marked: press Ctrl+C.");
  }
}
byId("copy-text").addEventListener("click", () => copy("text", "The message is copied."));
byId("copy-url").addEventListener("click", () => copy("url", "The address is copied."));

// --- trying

const SAMPLES = {
  "{{ticker}}": "SBIN",
  "{{exchange}}": "NSE",
  "{{strategy.order.action}}": "buy",
  "{{strategy.order.contracts}}": "1",
  "{{strategy.market_position}}": "long",
  "{{strategy.market_position_size}}": "1",
  "{{strategy.order.id}}": "Long",
};

byId("to-test").addEventListener("click", async () => {
  await built();
  let text = byId("text").value.replaceAll("{{timenow}}", new Date().toISOString());
  for (const [placeholder, sample] of Object.entries(SAMPLES)) text = text.replaceAll(placeholder, sample);
  byId("message").value = text;
  if (hook()) byId("test-by").value = `webhook ${hook().id}`;
  byId("test").requestSubmit();
});

byId("test").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [kind, id] = byId("test-by").value.split(" ");
  const message = byId("message").value;
  const number = (tried += 1);
  fill(byId("told"));
  try {
    const told = await call("alerts/test", { body: { [kind]: id, message } });
    if (number !== tried) return;
    const verdict = told.accepted ? "It would be taken. Nothing was sent." : `Refused: ${told.message}`;
    fill(byId("told"), trialView(told, { verdict }));
  } catch (error) {
    fill(byId("told"), h("p.fault", { role: "alert" }, error.message));
  }
});

load().catch((error) => complain(error.message));
