// The log of signals.

import { byId, fill, h, say } from "../core/dom.js";
import { call } from "../core/http.js";
import { timeElement } from "../core/time.js";
import { pre, trialView } from "../core/trial.js";

const EVERY_MS = 2000;
const TONES = { accepted: "good", duplicate: "plain", stale: "warn", rejected: "refused" };

let newest = 0;
let oldest = null;
let asked = 0;
let isAsking = false;

const filters = () => new URLSearchParams([...new FormData(byId("filters"))].filter(([, value]) => value.trim()));

async function load() {
  const number = (asked += 1);
  const told = await call(`signals?${filters()}`);
  if (number !== asked) return;
  newest = 0;
  oldest = null;
  fill(byId("signals"));
  byId("signals").append(...told.signals.map(line));
  note(told.signals);
  paintSenders(told.senders);
  byId("older").hidden = !told.has_more;
  byId("signals").setAttribute("aria-busy", "false");
}

function note(signals) {
  for (const one of signals) {
    newest = Math.max(newest, one.id);
    oldest = oldest === null ? one.id : Math.min(oldest, one.id);
  }
  const count = byId("signals").children.length;
  say(byId("sums"), count ? `${count} shown` : "");
  byId("empty").hidden = count > 0;
  say(byId("empty"), [...filters()].length ? "No signal fits the filters." : "No signal has come yet.");
}

function paintSenders(senders) {
  const box = byId("sender");
  const was = box.value;
  fill(box, h("option", { value: "" }, "All"), senders.map((one) => h("option", { value: one.id }, one.name)));
  box.value = was;
}

function line(one) {
  const told = h("div", { "aria-live": "polite" });
  const hasBody = Object.keys(one.body).length > 0;
  const replay = h("button", { type: "button", disabled: !hasBody, onclick: () => replayed(one, told) }, "Replay as a dry run");
  return h(
    "li",
    { "data-id": one.id },
    h(
      "details",
      {},
      h(
        "summary",
        {},
        timeElement(one.at),
        h(`span.state.${TONES[one.verdict]}`, {}, one.verdict),
        h("b", {}, one.symbol ?? "–"),
        h("span.sub", {}, `${one.sender.name}, ${one.account.name}`),
        h("span.reason", {}, one.reason),
      ),
      h(
        "div",
        {},
        one.bracket_id ? h("p", {}, h("a", { href: `/dashboard/brackets/${one.bracket_id}` }, "To its bracket")) : null,
        h("p.hint", {}, [one.dialect ? `Dialect ${one.dialect}.` : "", one.code ? `Code ${one.code}.` : ""].join(" ")),
        h("b", {}, "What came"),
        hasBody ? pre(one.body) : h("p.hint", {}, "Not kept: it could not be read, and may have held a secret."),
        h("details", {}, h("summary", {}, "The answer"), pre(one.answer)),
        h("div.acts", {}, replay),
        told,
      ),
    ),
  );
}

async function replayed(one, box) {
  try {
    const told = await call(`signals/${one.id}/replay`, { body: {} });
    const now = told.accepted ? "Now it would be taken. Nothing was sent." : `Now it would be refused: ${told.message}.`;
    const settings = told.is_settings_known ? "" : " Its webhook's settings are not known any more: judged without them.";
    fill(box, trialView(told, { verdict: `${now} How old it is was not judged.${settings}` }));
  } catch (error) {
    fill(box, h("p.fault", { role: "alert" }, error.message));
  }
}

byId("filters").addEventListener("submit", (event) => event.preventDefault());
byId("filters").addEventListener("input", () => load().catch((error) => console.warn(error.message)));

byId("older").addEventListener("click", async () => {
  const query = filters();
  query.set("before", oldest);
  const told = await call(`signals?${query}`);
  byId("signals").append(...told.signals.map(line));
  note(told.signals);
  byId("older").hidden = !told.has_more;
});

setInterval(async () => {
  if (document.hidden || isAsking || byId("signals").getAttribute("aria-busy") === "true") return;
  isAsking = true;
  const number = asked;
  const query = filters();
  query.set("after", newest);
  try {
    const told = await call(`signals?${query}`, { byItself: true });
    if (number !== asked) return;
    if (told.has_more) {
      await load(); // more came at once than an answer holds
      return;
    }
    byId("signals").prepend(...told.signals.map(line));
    if (told.signals.length) note(told.signals);
  } catch (error) {
    console.warn(`${error.message}; the next pulse asks again`);
  } finally {
    isAsking = false;
  }
}, EVERY_MS);

load().catch((error) => console.warn(error.message));
