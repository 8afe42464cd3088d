// Forms whose faults appear beside their fields, secrets that are shown once, and who to copy them.

import { fill, h } from "./dom.js";

/** Do what a form is for; what goes wrong is told in the form, beside the field where there is one. */
export function onSubmit(form, act) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = event.submitter ?? form.querySelector('button[type="submit"]');
    forgetFaults(form);
    if (button) button.disabled = true;
    try {
      await act(form);
    } catch (error) {
      showFaults(form, error);
    } finally {
      if (button) button.disabled = false;
    }
  });
}

function forgetFaults(form) {
  for (const one of form.querySelectorAll(".field-fault")) one.remove();
  for (const one of form.querySelectorAll("[aria-invalid]")) {
    one.removeAttribute("aria-invalid");
    one.removeAttribute("aria-describedby");
  }
  form.querySelector(".fault").hidden = true;
}

function showFaults(form, error) {
  const general = form.querySelector(".fault");
  let first = null;
  for (const [field, sentences] of Object.entries(error.errors ?? {})) {
    const name = field.split(".").at(-1).replace(/\[\d+\]$/, "");
    const input = form.elements[name];
    if (!(input instanceof HTMLElement)) continue;
    const id = `fault-${form.id}-${name}`;
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", id);
    input.after(h("span.field-fault", { id }, sentences.join("; ")));
    first ??= input;
  }
  general.textContent = error.message;
  general.hidden = false;
  first?.focus();
}

/** Show what is shown only now, with a button that copies it. */
export function showOnce(box, title, pairs, ...notes) {
  fill(
    box,
    h("p", {}, h("b", {}, title), " It is shown only now: copy it before you leave this page."),
    pairs.flatMap(([name, text]) => [
      h("p", {}, `${name}: `, h("code", {}, text), " ", copyButton(text, name)),
    ]),
    notes.map((one) => h("p", {}, one)),
    h("div.acts", {}, h("button.small", { type: "button", onclick: () => { box.hidden = true; fill(box); } }, "I have it")),
  );
  box.hidden = false;
  box.scrollIntoView({ block: "nearest" });
  box.focus();
}

export function copyButton(text, name) {
  const button = h("button.small", { type: "button", "aria-label": `Copy the ${name.toLowerCase()}` }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select and copy it by hand"; // plain http from another machine has no clipboard
    }
  });
  return button;
}

export const linesOf = (text) => text.split("\n").map((one) => one.trim()).filter(Boolean);

/** Fill a select with accounts. */
export function accountChoices(select, accounts) {
  const chosen = select.value;
  fill(select, accounts.map((one) => h("option", { value: one.id }, `${one.name} (${one.broker})`)));
  if (accounts.some((one) => one.id === chosen)) select.value = chosen;
}
