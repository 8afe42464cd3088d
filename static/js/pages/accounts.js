// Accounts: broker, login, rate limits; pausing and disabling.

import { troubleWords } from "../core/badges.js";
import { confirmAct } from "../core/dialog.js";
import { byId, fill, h } from "../core/dom.js";
import { call } from "../core/http.js";
import { facts, words } from "../core/tables.js";
import { ageText, now, timeElement } from "../core/time.js";

const EVERY_MS = 5000;
let asked = 0;

async function load() {
  const mine = ++asked;
  try {
    const { accounts } = await call("accounts", { byItself: true });
    if (mine === asked && !document.querySelector("dialog")) paint(accounts);
  } catch (error) {
    console.info(error.message); // the banner says that the service is gone
  }
}

function paint(accounts) {
  const held = document.activeElement?.dataset?.act; // a repaint must not take the focus away
  fill(byId("accounts"), accounts.map(card));
  byId("accounts").setAttribute("aria-busy", "false");
  if (held) document.querySelector(`[data-act="${held}"]`)?.focus();
}

function card(one) {
  const heading = `account-${one.id}`;
  return h(
    "section.card",
    { "aria-labelledby": heading },
    h("div.cardhead", {}, h("h2", { id: heading }, `${one.name} `, h("small", {}, one.broker)), status(one)),
    facts([
      ["Broker session", session(one)],
      one.login ? ["Log in", loginWords(one)] : null,
      ["New brackets", entries(one)],
      ["Watched", h("span", {}, watched(one))],
      ["Added", timeElement(one.created_at)],
    ]),
    meters(one),
    h("div.acts.cardfoot", {}, ...buttons(one)),
  );
}

const STATUS = {
  active: ["good", "active"],
  needs_login: ["bad", "needs a login"],
  disabled: ["warn", "disabled"],
};

function status(one) {
  const [tone, text] = STATUS[one.status];
  return h(`span.state.${tone}`, {}, text);
}

function session(one) {
  if (!one.needs_token) return "none needed: the paper market";
  if (one.token_readable === null) return h("b", {}, "no token is stored");
  if (one.token_readable === false) return h("b", {}, "the stored token cannot be read: check ENCRYPTION_KEYS, or log in again");
  if (!one.token_stored_at) return "a token is stored; nobody noted when";
  const age = ageText(now() - Date.parse(one.token_stored_at));
  const ends = one.token_ends_at ? [Date.parse(one.token_ends_at) < now() ? ", ended " : ", ends ", timeElement(one.token_ends_at)] : [];
  return h("span", {}, `token of ${age} ago, stored `, timeElement(one.token_stored_at), ...ends);
}

function loginWords(one) {
  const command = h("span.hint", {}, "or where the service runs: ", h("code", {}, one.login.command));
  if (!one.login.by_browser) return h("code", {}, one.login.command);
  const fault = h("span.field-fault", { role: "alert" });
  const go = async () => {
    try {
      location.assign((await call(`accounts/${one.id}/login`, { body: {} })).address);
    } catch (error) {
      fault.textContent = error.message;
    }
  };
  return h("span", {}, h("button.small", { type: "button", "data-act": `login-${one.id}`, "aria-label": `Log in at ${one.broker}: account ${one.name}`, onclick: go }, `Log in at ${one.broker}`), " ", command, fault);
}

function entries(one) {
  if (one.status === "disabled") return "refused: the account is disabled";
  if (one.kill_in_force === "off") return "accepted";
  const whose = one.kill === "off" ? "the kill switch of all accounts" : "this account's own switch";
  return h("b", {}, `refused by ${whose} (${words(one.kill_in_force)})`);
}

function watched(one) {
  if (!one.workers.length) return "not now: it has no worker";
  return one.workers
    .map((worker) => {
      const what = worker.mode === "live" ? "" : "paper: ";
      const trouble = worker.troubles.map(troubleWords).join("; ");
      const read = worker.read_seconds === null ? "no read yet" : `newest read ${worker.read_seconds.toFixed(1)} s old`;
      const state = worker.is_reading ? `${worker.open} open, ${read}` : "nothing is open, so nothing is read";
      return `${what}${state}${trouble ? `; ${trouble}` : ""}`;
    })
    .join(" · ");
}

function meters(one) {
  const used = one.workers.flatMap((worker) => worker.rate_use);
  if (!used.length) return h("p.hint", {}, one.needs_token ? "No call was made yet: nothing of the broker's rate limits is used." : "The paper market has no rate limits.");
  return h("div", {}, h("p.subline", {}, "Used of the broker's rate limits"), h("div.meters", {}, used.map(meter)));
}

function meter(use) {
  const name = `${use.budget}, ${per(use.seconds)}`;
  const free = use.calls - use.reserved;
  const reserve = use.reserved ? `; the last ${use.reserved} are kept for stops and exits` : "";
  return h(
    "div",
    {},
    h("span", {}, name),
    h("meter", { min: 0, max: use.calls, high: free, optimum: 0, value: use.used, "aria-label": name }),
    h("small", {}, `${use.used} of ${use.calls}${reserve}`),
  );
}

function per(seconds) {
  if (seconds < 2) return "per second";
  if (seconds < 120) return "per minute";
  return `per ${Math.round(seconds / 3600)} h`;
}

function buttons(one) {
  const off = one.status === "disabled";
  const paused = one.kill !== "off";
  return [
    paused ? button(one, "resume", "Resume") : button(one, "pause", "Pause"),
    off ? button(one, "enable", "Enable") : button(one, "disable", "Disable"),
  ];
}

function button(one, act, text) {
  const stops = act === "pause" || act === "disable";
  return h(
    `button.small${stops ? ".leave" : ""}`,
    {
      type: "button",
      "data-act": `${act}-${one.id}`,
      "aria-label": `${text} account ${one.name}`,
      onclick: () =>
        confirmAct({
          title: `${text} account ${one.name}`,
          consequences: `accounts/${one.id}/consequences?act=${act}`,
          confirm: text,
          danger: stops,
          act: async () => {
            const { accounts } = await call(`accounts/${one.id}/act`, { body: { act } });
            asked++; // an older answer must not cover this one
            paint(accounts);
          },
        }),
    },
    text,
  );
}

load();
setInterval(load, EVERY_MS);
