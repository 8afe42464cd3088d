// Settings: the analyzer switch, the kill switches, and the service's own settings.

import { confirmAct } from "../core/dialog.js";
import { byId, fill, h, say } from "../core/dom.js";
import { call } from "../core/http.js";
import { live } from "../core/live.js";
import { table, words } from "../core/tables.js";

let analyze = false;
let kills = "";

async function load() {
  paint(await call("settings", { byItself: true }));
}

function paint(told) {
  analyze = told.analyze;
  const state = byId("analyzer-state");
  state.className = `state ${analyze ? "" : "warn"}`;
  say(state, analyze ? "on: new brackets are paper" : "off: new brackets are live");
  say(
    byId("analyzer-words"),
    analyze
      ? "New brackets of all your accounts go to the paper market, at the live prices where the broker gives them. What was open before stays where it is."
      : "New brackets go to each account's own broker. Switch the analyzer on to try alerts and programs without real money.",
  );
  say(byId("analyzer"), analyze ? "Switch it off: go live" : "Switch it on");
  byId("analyzer").className = analyze ? "danger" : "primary";
  paintKills(told);
  fill(byId("settings"), table("Settings of the service", ["Setting", "Value", "From", "What it does"], told.settings.map(settingRow)));
  byId("settings").setAttribute("aria-busy", "false");
}

function paintKills(told) {
  const text = JSON.stringify([told.kill, told.accounts]);
  if (text === kills) return;
  kills = text;
  const rows = [
    [h("b", {}, "All accounts"), words(told.kill), ""],
    ...told.accounts.map((one) => [one.name, words(one.kill), one.kill_in_force === "off" ? "new brackets are accepted" : h("b", {}, `${words(one.kill_in_force)}: no new brackets`)]),
  ];
  fill(byId("kills"), table("Kill switches", ["Of", "Set to", "In force"], rows));
  byId("kills").setAttribute("aria-busy", "false");
}

function settingRow(one) {
  const value = one.value === null ? h("span.off", {}, "not set") : one.is_secret ? h("span.off", {}, one.value) : h("code", {}, one.value);
  return [h("code", {}, one.name), [value, "wrap"], one.source, [one.sentence, "wrap"]];
}

byId("analyzer").addEventListener("click", () =>
  confirmAct({
    title: analyze ? "Switch the analyzer off" : "Switch the analyzer on",
    consequences: `analyzer/consequences?analyze=${!analyze}`,
    confirm: analyze ? "Go live" : "Switch it on",
    danger: analyze,
    act: async () => paint(await call("analyzer", { body: { analyze: !analyze } })),
  }),
);

// The switches are set on any page, and by programs: the pulse tells of it.
let seen = null;
live.addEventListener("pulse", ({ detail: pulse }) => {
  const now = [pulse.analyze, pulse.kill, ...pulse.accounts.map((one) => one.kill)].join();
  if (seen !== null && now !== seen) load();
  seen = now;
});

load();
