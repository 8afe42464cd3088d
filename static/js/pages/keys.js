// API keys: made and shown once, revoked.

import { confirmAct } from "../core/dialog.js";
import { byId, fill, h } from "../core/dom.js";
import { accountChoices, onSubmit, showOnce } from "../core/forms.js";
import { call } from "../core/http.js";
import { table } from "../core/tables.js";
import { timeElement } from "../core/time.js";

const form = byId("new");

async function load() {
  paint(await call("keys", { byItself: true }));
}

function paint({ accounts, keys }) {
  accountChoices(form.elements.account_id, accounts);
  const rows = [...keys].reverse().sort((a, b) => Boolean(a.revoked_at) - Boolean(b.revoked_at)).map(row);
  const heads = ["Account", "Key", "May", "Made", "Last used", "State", ""];
  fill(byId("keys"), table("API keys", heads, rows, { nothing: "There is no key yet." }));
  byId("keys").setAttribute("aria-busy", "false");
}

function row(key) {
  const ended = key.expires_at !== null && new Date(key.expires_at) <= new Date();
  const gone = key.revoked_at !== null || ended;
  return [
    key.account.name,
    h("code", {}, `bk_${key.id}_…${key.last4}`),
    key.scopes.join(", "),
    timeElement(key.created_at),
    key.last_used_at ? timeElement(key.last_used_at) : h("span.off", {}, "never"),
    stateOf(key, ended),
    gone ? "" : revokeButton(key),
  ];
}

function stateOf(key, ended) {
  if (key.revoked_at !== null) return h("span.off", {}, "revoked ", timeElement(key.revoked_at));
  if (ended) return h("span.off", {}, "ended ", timeElement(key.expires_at));
  const until = key.expires_at === null ? [] : [" until ", timeElement(key.expires_at)];
  return h("span.state.good", {}, "active", ...until);
}

function revokeButton(key) {
  const name = `key ${key.last4} of account ${key.account.name}`;
  return h(
    "button.small.leave",
    {
      type: "button",
      "aria-label": `Revoke ${name}`,
      onclick: () =>
        confirmAct({
          title: `Revoke ${name}`,
          consequences: `keys/${key.id}/consequences`,
          confirm: "Revoke it",
          danger: true,
          act: async () => paint(await call(`keys/${key.id}/revoke`, { body: {} })),
        }),
    },
    "Revoke",
  );
}

onSubmit(form, async () => {
  const scopes = [...form.querySelectorAll('input[name="scopes"]:checked')].map((one) => one.value);
  const { key } = await call("keys", { body: { account_id: form.elements.account_id.value, scopes } });
  showOnce(byId("once"), "The new key.", [["Key", key]]);
  await load();
});

load();
