// What a person can do to a bracket, from the board and from its page alike.

import { confirmAct } from "./dialog.js";
import { h } from "./dom.js";
import { call } from "./http.js";
import { price } from "./money.js";

const named = (bracket) => `${bracket.action} ${bracket.quantity} ${bracket.symbol}`;
const path = (bracket, rest) => `brackets/${bracket.bracket_id}/${rest}`;

export function exitNow(bracket, done) {
  confirmAct({
    title: `Exit now: ${named(bracket)}`,
    consequences: path(bracket, "consequences?act=exit"),
    confirm: "Exit now",
    danger: true,
    act: async () => done((await call(path(bracket, "exit"), { body: {} })).bracket),
  });
}

export function cancel(bracket, done) {
  const choices = bracket.held > 0 ? [holdings(bracket)] : [];
  confirmAct({
    title: `Cancel: ${named(bracket)}`,
    fields: choices,
    consequences: (form) => path(bracket, `consequences?act=cancel&if_filled=${chosen(form) ?? ""}`),
    confirm: "Cancel it",
    danger: true,
    act: async (form) => {
      const body = {};
      if (chosen(form)) body.if_filled = chosen(form);
      if (chosen(form) === "hand_over") body.confirm = form.elements.confirm.value.trim();
      done((await call(path(bracket, "cancel"), { body })).bracket);
    },
  });
}

const chosen = (form) => form.elements.if_filled?.value || null;

function holdings(bracket) {
  const confirm = h("input", { name: "confirm", autocomplete: "off", placeholder: bracket.symbol });
  const typed = h("label", { hidden: true }, `Type ${bracket.symbol} to take the position over `, confirm);
  const option = (value, words, checked) =>
    h("label.choice", {}, h("input", { type: "radio", name: "if_filled", value, checked, required: true }), words);
  const group = h(
    "fieldset",
    {},
    h("legend", {}, `${bracket.held} shares are held`),
    option("keep_exits", "Keep them, with stop and target", true),
    option("exit", "Exit them at the market"),
    option("hand_over", "Hand them over to me, unprotected"),
    typed,
  );
  group.addEventListener("change", () => {
    typed.hidden = group.querySelector("input:checked")?.value !== "hand_over";
  });
  return group;
}

export function modify(bracket, done) {
  const field = (name, words, value) =>
    h(
      "label",
      {},
      `${words} `,
      h("input", { name, value: value ?? "", inputmode: "decimal", autocomplete: "off", "data-was": value ?? "" }),
    );
  const fields = [
    field("sl_price", "Stop", bracket.sl_price),
    field("target_price", "Target", bracket.target_price),
  ];
  if (!bracket.filled_quantity) fields.unshift(field("entry_price", "Entry", bracket.entry_price));
  fields.push(h("p.hint", {}, `Tick size ${bracket.tick}`));
  confirmAct({
    title: `Modify: ${named(bracket)}`,
    fields,
    consequences: path(bracket, "consequences?act=modify"),
    confirm: "Change it",
    act: async (form) => done((await call(path(bracket, "modify"), { body: changes(form) })).bracket),
  });
}

/** Ask whether a level goes where a person has put it; resolves when that is settled, either way. */
export function moveLevel(bracket, level, to, done) {
  const field = level === "stop" ? "sl_price" : "target_price";
  return confirmAct({
    title: `Move the ${level} of ${named(bracket)}`,
    fields: [h("p", {}, `From ${price(bracket[field])} to `, h("b", {}, price(to)), ".")],
    consequences: path(bracket, "consequences?act=modify"),
    confirm: `Move the ${level}`,
    act: async () => done((await call(path(bracket, "modify"), { body: { [field]: to } })).bracket),
  });
}

function changes(form) {
  const inputs = [...form.querySelectorAll("input[data-was]")];
  const changed = inputs.filter((one) => one.value.trim() && one.value.trim() !== one.dataset.was);
  return Object.fromEntries(changed.map((one) => [one.name, one.value.trim()]));
}

const KILL = { off: "Off", block_entries: "Block entries", flatten: "Flatten every bracket" };

export function killSwitch(mode, done) {
  const option = (value) =>
    h(
      "label.choice",
      {},
      h("input", { type: "radio", name: "mode", value, checked: value === mode }),
      KILL[value],
    );
  confirmAct({
    title: "Kill switch of all accounts",
    fields: [h("fieldset", {}, h("legend", {}, "Set it to"), ...Object.keys(KILL).map(option))],
    consequences: (form) => `killswitch/consequences?mode=${form.elements.mode.value}`,
    confirm: "Set the kill switch",
    danger: true,
    act: async (form) => done(await call("killswitch", { body: { mode: form.elements.mode.value } })),
  });
}

/** Return the buttons of a bracket. `current` gives the bracket as it is when one is pressed. */
export function actButtons(current, done) {
  const of = () => `${current().symbol}, bracket ${current().bracket_id.slice(-6)}`;
  const button = (words, act, kind = "small") =>
    h(`button.${kind}`, { type: "button", "aria-label": `${words} ${of()}`, onclick: () => act(current(), done) }, words);
  return [
    button("Modify", modify),
    button("Cancel", cancel),
    button("Exit now", exitNow, "small.leave"),
  ];
}
