// Dialogs that say what will happen before it does.

import { call } from "./http.js";
import { fill, h } from "./dom.js";

/**
 * Ask before an act. `consequences` is a path that answers `sentences`, or a function of the form to a path
 * or to an answer that is there already;
 * `fields` are elements within the form; `act` does it with the form and may throw: that is then shown.
 * Returns a promise that the dialog is closed, whatever was decided.
 */
export function confirmAct({ title, consequences, fields = [], confirm, danger = false, act }) {
  const sentences = h("ul.sentences", { "aria-live": "polite" });
  const fault = h("p.fault", { role: "alert", hidden: true });
  const yes = h(`button.${danger ? "danger" : "primary"}`, { type: "submit" }, confirm);
  const no = h("button", { type: "button", onclick: () => dialog.close() }, "Leave it as it is");
  const form = h("form.stack", {}, ...fields, sentences, fault, h("div.acts", {}, no, yes));
  const dialog = h("dialog.confirm", { "aria-labelledby": "dialog-title" }, h("h2", { id: "dialog-title" }, title), form);

  let told = null; // the choice whose consequences are asked for, or shown
  let isTold = false;
  let isActing = false;
  const settle = () => (yes.disabled = !isTold || isActing);

  /** Say what the choice will do. Until that is said nothing can be confirmed. */
  async function tell() {
    const found = typeof consequences === "function" ? consequences(form) : consequences;
    if (found === told) return;
    told = found;
    isTold = false;
    settle();
    fault.hidden = true;
    fill(sentences, h("li.hint", {}, "Looking what this will do"));
    try {
      const answer = typeof found === "string" ? await call(found) : found;
      if (found !== told) return; // another choice was made meanwhile
      fill(sentences, answer.sentences.map((one) => h("li", {}, one)));
      isTold = true;
      settle();
    } catch (error) {
      if (found === told) untold(error);
    }
  }

  function untold(error) {
    told = null;
    fill(sentences, h("li", {}, "What it will do cannot be told. ", h("button.small", { type: "button", onclick: tell }, "Ask again")));
    complain(error);
  }

  function complain(error) {
    fault.textContent = error.message;
    fault.hidden = false;
  }

  form.addEventListener("change", tell);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (yes.disabled) return; // Enter in a field, before the consequences are told or while it is done
    fault.hidden = true;
    isActing = true;
    settle();
    try {
      await act(form);
      dialog.close();
    } catch (error) {
      complain(error);
    } finally {
      isActing = false;
      settle();
    }
  });
  const closed = new Promise((resolve) =>
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve();
    }),
  );
  document.body.append(dialog);
  dialog.showModal();
  if (!form.querySelector("input, select")) no.focus();
  tell();
  return closed;
}

/** Show something to read. */
export function tellDialog(title, ...content) {
  const close = h("button.primary", { type: "button", onclick: () => dialog.close() }, "Close");
  const dialog = h(
    "dialog.confirm",
    { "aria-labelledby": "dialog-title" },
    h("h2", { id: "dialog-title" }, title),
    ...content,
    h("div.acts", {}, close),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  close.focus();
}
