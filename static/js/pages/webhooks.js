// Webhooks of alerts: made, limited, paused, given a new token, revoked.

import { confirmAct } from "../core/dialog.js";
import { byId, fill, h, say } from "../core/dom.js";
import { accountChoices, linesOf, onSubmit, showOnce } from "../core/forms.js";
import { call } from "../core/http.js";
import { facts, words } from "../core/tables.js";
import { timeElement } from "../core/time.js";

const form = byId("webhook");
const TEXTS = ["max_quantity", "max_value", "max_open_brackets", "hours", "on_exit", "on_opposite", "price_unit", "risk_unit"];
const LINES = ["symbols", "addresses", "defaults", "symbol_map"];
let edited = null; // the webhook in the form, null for a new one
let cameFrom = null;

async function load() {
  paint(await call("webhooks", { byItself: true }));
}

function paint({ accounts, webhooks }) {
  accountChoices(form.elements.account_id, accounts);
  const active = webhooks.filter((one) => !one.revoked_at).reverse();
  const gone = webhooks.filter((one) => one.revoked_at).reverse();
  fill(
    byId("webhooks"),
    active.map(card),
    active.length ? null : h("p.empty", {}, "There is no webhook yet: one lets TradingView, or any program, place brackets by alert."),
    gone.length ? h("details.more", {}, h("summary", {}, `${gone.length} revoked`), h("ul.lines", {}, gone.map(goneLine))) : null,
  );
  byId("webhooks").setAttribute("aria-busy", "false");
}

const nameOf = (one) => one.name || `wh_${one.id}`;
const goneLine = (one) => h("li", {}, h("code", {}, `wh_${one.id}`), ` ${one.name} of account ${one.account.name}, revoked `, timeElement(one.revoked_at));

function card(one) {
  const heading = `webhook-${one.id}`;
  const state = one.paused ? h("span.state.warn", {}, "paused") : h("span.state.good", {}, "active");
  return h(
    "section.card",
    { "aria-labelledby": heading },
    h("div.cardhead", {}, h("h2", { id: heading }, `${nameOf(one)} `, h("small", {}, `account ${one.account.name}`)), state),
    facts([
      ["Id", h("code", {}, `wh_${one.id}`)],
      ["Time of alerts", one.require_timenow ? "required, at most 60 s old" : "optional"],
      ["At most", limits(one.form)],
      ["Read as", reading(one.form)],
      ["Made", timeElement(one.created_at)],
    ]),
    h("div.acts.cardfoot", {}, ...buttons(one)),
  );
}

function limits(set) {
  const told = [];
  if (set.max_quantity) told.push(`${set.max_quantity} shares`);
  if (set.max_value) told.push(`${set.max_value} in money a bracket`);
  if (set.max_open_brackets) told.push(`${set.max_open_brackets} open brackets`);
  if (set.symbols.length) told.push(`symbols ${set.symbols.join(", ")}`);
  if (set.products.length) told.push(`products ${set.products.join(", ")}`);
  if (set.hours) told.push(`entries at ${set.hours}`);
  if (set.addresses.length) told.push(`from ${set.addresses.join(", ")}`);
  return told.length ? told.join("; ") : h("b", {}, "no limit: whoever has the token can place any size");
}

function reading(set) {
  const told = [`an exit signal: ${words(set.on_exit)}`, `against an open bracket: ${words(set.on_opposite)}`];
  if (set.price_unit) told.push(`bare sl= and tp=: ${set.price_unit}`);
  if (set.risk_unit) told.push(`risk=: ${set.risk_unit}`);
  if (set.defaults.length) told.push(`defaults ${set.defaults.join(", ")}`);
  if (set.symbol_map.length) told.push(`symbols ${set.symbol_map.join(", ")}`);
  if (set.allow_delayed) told.push("delayed prices are taken");
  return told.join("; ");
}

function buttons(one) {
  return [
    h("button.small", { type: "button", "aria-label": `Edit ${nameOf(one)}`, onclick: (event) => open(one, event.target) }, "Edit"),
    one.paused ? act(one, "resume", "Resume") : act(one, "pause", "Pause"),
    act(one, "rotate", "New token"),
    act(one, "revoke", "Revoke"),
  ];
}

function act(one, name, text) {
  const cuts = name !== "resume";
  return h(
    `button.small${cuts ? ".leave" : ""}`,
    {
      type: "button",
      "aria-label": `${text}: ${nameOf(one)}`,
      onclick: () =>
        confirmAct({
          title: `${text}: webhook ${nameOf(one)}`,
          consequences: `webhooks/${one.id}/consequences?act=${name}`,
          confirm: { pause: "Pause it", resume: "Resume it", rotate: "Make a new token", revoke: "Revoke it" }[name],
          danger: cuts,
          act: async () => {
            const answer = await call(`webhooks/${one.id}/act`, { body: { act: name } });
            if (name !== "rotate") return paint(answer);
            setTimeout(() => tellToken(answer, `The new token of ${nameOf(one)}; the old one works no more.`));
          },
        }),
    },
    text,
  );
}

const tellToken = ({ token, address }, title) =>
  showOnce(
    byId("once"),
    title,
    [["Address", address], ["Token", token]],
    "Put the address into the alert's webhook URL. From TradingView it must be reachable from outside, over https.",
  );

// --- the form

function open(one, from) {
  edited = one;
  cameFrom = from;
  form.reset();
  for (const fault of form.querySelectorAll(".field-fault")) fault.remove();
  form.querySelector(".fault").hidden = true;
  say(byId("h-editor"), one ? `Limits and settings of ${nameOf(one)}` : "A new webhook");
  say(form.querySelector('button[type="submit"]'), one ? "Set them" : "Make it");
  form.elements.account_id.disabled = one !== null;
  if (one) show(one);
  byId("editor").hidden = false;
  byId("h-editor").focus();
  byId("editor").scrollIntoView({ block: "start" });
}

function show(one) {
  form.elements.account_id.value = one.account.id;
  form.elements.name.value = one.name;
  form.elements.require_timenow.checked = one.require_timenow;
  form.elements.allow_delayed.checked = one.form.allow_delayed;
  for (const name of TEXTS) form.elements[name].value = one.form[name];
  for (const name of LINES) form.elements[name].value = one.form[name].join("\n");
  for (const box of form.querySelectorAll('input[name="products"]')) box.checked = one.form.products.includes(box.value);
}

function close() {
  byId("editor").hidden = true;
  cameFrom?.focus();
}

function said() {
  const set = { allow_delayed: form.elements.allow_delayed.checked };
  for (const name of TEXTS) set[name] = form.elements[name].value.trim();
  for (const name of LINES) set[name] = linesOf(form.elements[name].value);
  set.products = [...form.querySelectorAll('input[name="products"]:checked')].map((box) => box.value);
  return { name: form.elements.name.value.trim(), require_timenow: form.elements.require_timenow.checked, form: set };
}

onSubmit(form, async () => {
  if (edited) {
    paint(await call(`webhooks/${edited.id}`, { body: said() }));
    close();
    return;
  }
  const made = await call("webhooks", { body: { ...said(), account_id: form.elements.account_id.value } });
  byId("editor").hidden = true;
  await load();
  tellToken(made, "The new webhook.");
});

byId("add").addEventListener("click", () => open(null, byId("add")));
byId("leave").addEventListener("click", close);

load();
