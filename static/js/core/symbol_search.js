// A box that finds symbols while a person types: arrows, Enter and Escape work as in any list.

import { fill, h } from "./dom.js";
import { call, Unreachable } from "./http.js";

const PAUSE_MS = 150;

export class SymbolSearch extends EventTarget {
  #found = [];
  #at = -1;
  #asked = 0;
  #timer = null;

  /** `account` gives the account to search in. Says "chosen" with the symbol as its detail. */
  constructor(input, list, account) {
    super();
    Object.assign(this, { input, list, account });
    input.addEventListener("input", () => this.#soon());
    input.addEventListener("keydown", (event) => this.#onKey(event));
    input.addEventListener("blur", () => setTimeout(() => this.#close(), 150));
    list.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // the box keeps the focus
      const line = event.target.closest("li[data-at]");
      if (line) this.#choose(Number(line.dataset.at));
    });
  }

  #soon() {
    clearTimeout(this.#timer);
    this.dispatchEvent(new Event("typed"));
    this.#timer = setTimeout(() => this.#ask(), PAUSE_MS);
  }

  async #ask() {
    const typed = this.input.value.trim();
    const asked = (this.#asked += 1);
    if (!typed || !this.account()) return this.#close();
    const query = new URLSearchParams({ account: this.account(), q: typed });
    try {
      const { symbols } = await call(`new/symbols?${query}`);
      if (asked === this.#asked) this.#show(symbols);
    } catch (error) {
      if (!(error instanceof Unreachable)) console.warn(error.message);
    }
  }

  #show(symbols) {
    this.#found = symbols;
    this.#at = symbols.length ? 0 : -1;
    const line = (one, at) =>
      h(
        "li",
        { role: "option", id: `found-${at}`, "data-at": at, "aria-selected": String(at === this.#at) },
        h("b", {}, one.symbol),
        ` ${one.exchange}`,
        h("span.sub", {}, [one.name, one.kind === "EQ" ? "" : one.kind, one.expiry].filter(Boolean).join(" · ")),
      );
    fill(this.list, symbols.length ? symbols.map(line) : h("li", { role: "option", "aria-selected": "false", "aria-disabled": "true" }, "No symbol fits"));
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.#mark();
  }

  #mark() {
    for (const line of this.list.querySelectorAll("li[data-at]")) {
      const isIt = Number(line.dataset.at) === this.#at;
      line.setAttribute("aria-selected", String(isIt));
      if (isIt) line.scrollIntoView({ block: "nearest" });
    }
    if (this.#at >= 0) this.input.setAttribute("aria-activedescendant", `found-${this.#at}`);
    else this.input.removeAttribute("aria-activedescendant");
  }

  #onKey(event) {
    if (this.list.hidden) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && this.#found.length) {
      event.preventDefault();
      this.#at = (this.#at + step + this.#found.length) % this.#found.length;
      this.#mark();
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (this.#at >= 0) this.#choose(this.#at);
    } else if (event.key === "Escape") {
      this.#close();
    }
  }

  #choose(at) {
    const chosen = this.#found[at];
    this.input.value = chosen.symbol;
    this.#close();
    this.dispatchEvent(new CustomEvent("chosen", { detail: chosen }));
  }

  #close() {
    clearTimeout(this.#timer);
    this.#asked += 1;
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }
}
