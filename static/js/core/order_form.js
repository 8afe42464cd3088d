// The fields of an order: reading them into the API's own names, and showing what is wrong beside each.

import { byId, fill, h, say } from "./dom.js";

const MISSING = "Missing mandatory field(s): ";
const PRICED = new Set(["LIMIT", "SL"]);
const TRIGGERED = new Set(["SL", "SL-M"]);

/** Whether a refusal only says that something is not filled in yet. */
export const isUnsaid = (sentence) => sentence.startsWith(MISSING);

/** Return the names of fields that sentences call missing. */
export function unsaidOf(refusals) {
  const names = Object.values(refusals).flat().filter(isUnsaid).flatMap((one) => one.slice(MISSING.length).split(", "));
  return [...new Set(names)];
}

export class OrderForm extends EventTarget {
  #targets = 0;

  constructor(element) {
    super();
    this.element = element;
    byId("add-target").addEventListener("click", () => this.#addTarget());
    for (const kind of ["input", "change"])
      element.addEventListener(kind, () => {
        this.paint();
        this.dispatchEvent(new Event("changed"));
      });
    this.paint();
  }

  /** Show the prices that the kind of entry has. */
  paint() {
    const kind = byId("pricetype").value;
    byId("entry_price-field").hidden = !PRICED.has(kind);
    byId("trigger_price-field").hidden = !TRIGGERED.has(kind);
    for (const option of byId("target-unit").options)
      option.disabled = this.#rows().length > 0 && !["target_price", "target_points", "target_percent"].includes(option.value);
    if (byId("target-unit").selectedOptions[0].disabled) byId("target-unit").value = "target_price";
  }

  /** Return what was said, in the API's names; what is empty is not said. */
  read() {
    const body = {};
    for (const one of this.element.querySelectorAll("[data-name], [data-by]")) {
      if (one.closest("[hidden]") || one.disabled) continue;
      const value = one.type === "checkbox" ? one.checked || "" : one.value.trim();
      if (value !== "") put(body, one.dataset.name ?? byId(one.dataset.by).value, value);
    }
    this.#readTargets(body);
    return body;
  }

  #readTargets(body) {
    const rows = this.#rows();
    if (!rows.length) return;
    const unit = byId("target-unit").value;
    const first = body[unit] === undefined ? {} : { [unit.replace("target_", "")]: body[unit] };
    delete body[unit];
    body.targets = [first, ...rows.map(readTarget)];
    const own = byId("first-quantity")?.value.trim();
    if (own) body.targets[0].quantity = own;
  }

  #rows() {
    return [...byId("more-targets").querySelectorAll(".target[data-more]")];
  }

  #addTarget() {
    if (!this.#rows().length) byId("more-targets").append(firstQuantity());
    const row = targetRow((this.#targets += 1), () => {
      row.remove();
      if (!this.#rows().length) fill(byId("more-targets"));
      this.#renumber();
      this.element.dispatchEvent(new Event("change"));
    });
    byId("more-targets").append(row);
    this.#renumber();
    row.querySelector("input").focus();
    this.element.dispatchEvent(new Event("change"));
  }

  #renumber() {
    this.#rows().forEach((row, at) => {
      row.dataset.fields = `targets[${at + 1}]`;
      say(row.querySelector("label"), `Target ${at + 2}`);
    });
  }

  /** Show each sentence beside its field; return those that have none. */
  showFaults(refusals, { unsaidToo = false } = {}) {
    for (const field of this.#fields()) tell(field, []);
    const left = [];
    for (const [name, sentences] of Object.entries(refusals)) {
      const said = sentences.filter((one) => unsaidToo || !isUnsaid(one));
      const field = said.length ? this.#fieldOf(name) : null;
      if (field) tell(field, [...new Set([...faultsOf(field), ...said])]);
      else left.push(...said);
    }
    return left;
  }

  firstFault() {
    return this.element.querySelector("[data-wrong] input, [data-wrong] select");
  }

  #fields() {
    return [...this.element.querySelectorAll("[data-fields]")];
  }

  /** Return where a field is: itself, then the row of its target, then the group it is one way to say. */
  #fieldOf(name) {
    const shown = this.#fields().filter((one) => !one.closest("[hidden]"));
    const names = [name, name.split(/\.(?=[^.]*$)/)[0], name.split(/[.[]/)[0]];
    if (name.startsWith("targets[0]")) names.splice(1, 0, "target_price");
    for (const wanted of names) {
      const found = shown.find((one) => one.dataset.fields.split(" ").some((known) => known === wanted || known.startsWith(`${wanted}.`)));
      if (found) return found;
    }
    return null;
  }
}

function put(body, name, value) {
  const [outer, inner] = name.split(".");
  if (inner === undefined) body[outer] = value;
  else body[outer] = { ...body[outer], [inner]: value };
}

const faultOf = (field) => field.querySelector(".field-fault");
const faultsOf = (field) => (faultOf(field).hidden ? [] : [faultOf(field).textContent]);

function tell(field, sentences) {
  const fault = faultOf(field);
  say(fault, sentences.join("; "));
  fault.hidden = !sentences.length;
  field.toggleAttribute("data-wrong", sentences.length > 0);
  for (const one of field.querySelectorAll("input, select")) one.setAttribute("aria-invalid", String(sentences.length > 0));
  const folded = field.closest("details");
  if (folded && sentences.length) folded.open = true;
}

function firstQuantity() {
  return h("label", { for: "first-quantity" }, "Shares of the first target ", h("input", { id: "first-quantity", inputmode: "numeric", autocomplete: "off", placeholder: "an equal part" }));
}

function targetRow(number, remove) {
  const id = `target-${number}`;
  const option = (value, words) => h("option", { value }, words);
  return h(
    "div.target",
    { "data-more": true, "data-fields": "targets" },
    h("label", { for: id }, "Target"),
    h(
      "div.joined",
      {},
      h("input", { id, inputmode: "decimal", autocomplete: "off", "aria-describedby": `${id}-fault` }),
      h("select", { "aria-label": "Unit of this target" }, option("price", "price"), option("points", "points from fill"), option("percent", "% from fill")),
      h("input", { inputmode: "numeric", autocomplete: "off", placeholder: "shares", "aria-label": "Shares of this target" }),
      h("button.small", { type: "button", "aria-label": "Take this target away", onclick: remove }, "×"),
    ),
    h("p.field-fault", { id: `${id}-fault`, hidden: true }),
  );
}

function readTarget(row) {
  const [value, quantity] = row.querySelectorAll("input");
  const read = {};
  if (value.value.trim()) read[row.querySelector("select").value] = value.value.trim();
  if (quantity.value.trim()) read.quantity = quantity.value.trim();
  return read;
}
