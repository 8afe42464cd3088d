// Who is told outside: Telegram chats and addresses of outbound webhooks.

import { confirmAct } from "../core/dialog.js";
import { byId, fill, h, say } from "../core/dom.js";
import { accountChoices, onSubmit, showOnce } from "../core/forms.js";
import { call } from "../core/http.js";
import { table, words } from "../core/tables.js";
import { timeElement } from "../core/time.js";

const EVERY_MS = 4000;
const form = byId("new");
let told = { has_bot: false, accounts: [] };
let open = null; // the hook whose messages are shown
let painted = "";

async function load() {
  try {
    take(await call("notifications", { byItself: true }));
    if (open) showMessages(open, (await call(`hooks/${open.id}/messages`, { byItself: true })).messages);
  } catch (error) {
    console.info(error.message); // the banner says that the service is gone
  }
}

function take(answer) {
  told = answer;
  const text = JSON.stringify(answer.accounts);
  if (text === painted) return; // nothing is new: no focus is lost to a repaint
  painted = text;
  accountChoices(form.elements.account_id, answer.accounts);
  paintChats();
  paintHooks();
}

// --- Telegram

function paintChats() {
  const rows = told.accounts.map((one) => [one.name, chatState(one), how(one.chat), h("div.acts", {}, ...chatActs(one))]);
  fill(byId("chats"), table("Telegram chats", ["Account", "Chat", "Sending", ""], rows));
  byId("chats").setAttribute("aria-busy", "false");
}

function chatState(one) {
  if (!one.chat) return h("span.off", {}, "not linked");
  const may = one.chat.may_trade ? "may also exit, cancel and pause" : "may only look";
  return h("span", {}, `chat ${one.chat.address}, ${may}, linked `, timeElement(one.chat.created_at));
}

function chatActs(one) {
  const name = `account ${one.name}`;
  const acts = [];
  if (told.has_bot) {
    const text = one.chat ? "Link another chat" : "Link a chat";
    acts.push(h("button.small", { type: "button", "aria-label": `${text}: ${name}`, onclick: () => link(one) }, text));
  }
  if (!one.chat) return acts;
  if (told.has_bot) acts.push(h("button.small", { type: "button", "aria-label": `Send a test to the chat of ${name}`, onclick: (event) => testChat(one, event.target) }, "Send a test"));
  acts.push(h("button.small.leave", { type: "button", "aria-label": `Unlink the chat of ${name}`, onclick: () => unlink(one) }, "Unlink"));
  return acts;
}

function link(one) {
  const option = (value, text, checked) => h("label.choice", {}, h("input", { type: "radio", name: "may", value, checked }), text);
  confirmAct({
    title: `Link a chat to account ${one.name}`,
    fields: [
      h("fieldset", {}, h("legend", {}, "The chat"), option("look", "may only look", true), option("trade", "may also exit, cancel, pause and set the kill switch")),
    ],
    consequences: {
      sentences: [
        "You get a line to send to your bot in a private chat. It works once, for ten minutes.",
        one.chat ? "The chat that is linked now hears nothing more once the new one is." : "Alerts go to that chat from then on.",
      ],
    },
    confirm: "Make the line",
    act: async (dialog) => {
      const body = { may_trade: dialog.elements.may.value === "trade" };
      const { line, minutes } = await call(`telegram/${one.id}/code`, { body });
      setTimeout(() => showOnce(byId("once"), `Send this line to your bot, in a private chat, within ${minutes} minutes.`, [["Line", line]]));
    },
  });
}

async function testChat(one, button) {
  button.disabled = true;
  try {
    await call(`telegram/${one.id}/test`, { body: {} });
    button.textContent = "On its way";
  } catch (error) {
    button.textContent = error.message;
  }
  load();
}

function unlink(one) {
  confirmAct({
    title: `Unlink the chat of account ${one.name}`,
    consequences: `telegram/${one.id}/consequences`,
    confirm: "Unlink it",
    danger: true,
    act: async () => take(await call(`telegram/${one.id}/unlink`, { body: {} })),
  });
}

// --- addresses

function paintHooks() {
  const hooks = told.accounts.flatMap((one) => one.hooks);
  const rows = hooks.map((hook) => [hook.account.name, [hook.address, "wrap"], how(hook), timeElement(hook.created_at), h("div.acts", {}, ...hookActs(hook))]);
  fill(byId("hooks"), table("Addresses of outbound webhooks", ["Account", "Address", "Sending", "Added", ""], rows, { nothing: "No address is told of anything yet." }));
  byId("hooks").setAttribute("aria-busy", "false");
}

function how(one) {
  if (!one) return "";
  const waits = one.waiting ? `, ${one.waiting} wait` : "";
  if (one.disabled_at) return h("span", {}, h("b.loss", {}, "disabled "), timeElement(one.disabled_at), `: ${one.disabled_reason}${waits}`);
  if (one.failing_since) return h("span", {}, h("b", {}, "failing since "), timeElement(one.failing_since), waits);
  return `well${waits}`;
}

function hookActs(hook) {
  const acts = [
    h("button.small", { type: "button", "aria-label": `Messages to ${hook.address}`, onclick: () => openMessages(hook) }, "Messages"),
    h("button.small", { type: "button", "aria-label": `Send a test to ${hook.address}`, onclick: () => testHook(hook) }, "Send a test"),
  ];
  if (hook.disabled_at) acts.push(hookAct(hook, "enable", "Enable"));
  acts.push(hookAct(hook, "remove", "Remove"));
  return acts;
}

function hookAct(hook, act, text) {
  return h(
    `button.small${act === "remove" ? ".leave" : ""}`,
    {
      type: "button",
      "aria-label": `${text} ${hook.address}`,
      onclick: () =>
        confirmAct({
          title: `${text} ${hook.address}`,
          consequences: `hooks/${hook.id}/consequences?act=${act}`,
          confirm: `${text} it`,
          danger: act === "remove",
          act: async () => {
            if (act === "remove" && open?.id === hook.id) closeMessages();
            take(await call(`hooks/${hook.id}/act`, { body: { act } }));
          },
        }),
    },
    text,
  );
}

onSubmit(form, async () => {
  const body = { account_id: form.elements.account_id.value, url: form.elements.url.value.trim() };
  const { secret } = await call("hooks", { body });
  form.elements.url.value = "";
  await load();
  showOnce(byId("once"), "The address is added; its messages are signed with this secret.", [["Secret", secret]], "Check each message's webhook-signature with it, as standardwebhooks.com describes.");
});

// --- messages of one address

async function openMessages(hook) {
  open = hook;
  showMessages(hook, (await call(`hooks/${hook.id}/messages`)).messages);
  byId("h-messages").focus();
  byId("messages").scrollIntoView({ block: "nearest" });
}

async function testHook(hook) {
  open = hook;
  showMessages(hook, (await call(`hooks/${hook.id}/test`, { body: {} })).messages);
  byId("messages").scrollIntoView({ block: "nearest" });
  setTimeout(load, 1200);
}

let listed = "";
function showMessages(hook, messages) {
  say(byId("h-messages"), `Messages to ${hook.address}`);
  byId("messages").hidden = false;
  const text = JSON.stringify([hook.id, messages]);
  if (text === listed) return;
  listed = text;
  const rows = messages.map((one) => [
    typeOf(one), stateOf(one), String(one.attempts), timeElement(one.created_at), [one.last_error ?? "", "wrap"], replayButton(hook, one),
  ]);
  fill(byId("message-list"), table("Messages", ["What", "State", "Attempts", "Queued", "Last fault", ""], rows, { nothing: "Nothing was queued for it yet: its feeding begins with the account's next event." }));
}

function typeOf(one) {
  try {
    return words(JSON.parse(one.body).type.replace("bracket_order.", ""));
  } catch {
    return "message";
  }
}

function stateOf(one) {
  if (one.state === "delivered") return h("span", {}, "delivered ", timeElement(one.finished_at));
  if (one.state === "given_up") return h("b.loss", {}, "given up");
  return h("span", {}, "waits, next ", timeElement(one.next_at));
}

function replayButton(hook, one) {
  if (one.state === "waiting") return "";
  return h(
    "button.small",
    {
      type: "button",
      "aria-label": `Send again: ${typeOf(one)}, ${one.id}`,
      onclick: () =>
        confirmAct({
          title: `Send again: ${typeOf(one)}`,
          consequences: `hooks/${hook.id}/consequences?act=replay`,
          confirm: "Send it again",
          act: async () => {
            showMessages(hook, (await call(`hooks/${hook.id}/replay`, { body: { message_id: one.id } })).messages);
            setTimeout(load, 1200);
          },
        }),
    },
    "Send again",
  );
}

function closeMessages() {
  open = null;
  listed = "";
  byId("messages").hidden = true;
}

byId("close-messages").addEventListener("click", closeMessages);

load();
setInterval(load, EVERY_MS);
