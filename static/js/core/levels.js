// Handles on the chart for the stop and the target: dragged, or moved by arrow keys, then confirmed.

import { h } from "./dom.js";
import { price } from "./money.js";

const STEPS = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10 };

export class LevelHandles {
  #handles = new Map(); // level -> its handle
  #bracket = null;
  #moved = null; // {level, price}: not sent yet

  /** `ask(level, price)` is called when a person has put a level somewhere else; it resolves once that is settled. */
  constructor(box, chart, ask) {
    Object.assign(this, { box, chart, ask });
    for (const [level, words] of [["stop", "Stop"], ["target", "Target"]]) this.#handles.set(level, this.#make(level, words));
    chart.onScale(() => this.place());
  }

  take(bracket) {
    this.#bracket = bracket;
    for (const [level, handle] of this.#handles) {
      const at = this.#level(level);
      handle.hidden = bracket.is_closed || at === null;
      if (!handle.hidden) this.#tell(handle, this.#moved?.level === level ? this.#moved.price : at);
    }
    this.place();
  }

  /** Put each handle beside its line. */
  place() {
    for (const [level, handle] of this.#handles) {
      if (handle.hidden) continue;
      const at = this.#moved?.level === level ? this.#moved.price : this.#level(level);
      const y = this.chart.yOf(Number(at));
      handle.classList.toggle("off", y === null);
      if (y !== null) handle.style.top = `${Math.min(Math.max(y, 8), this.box.clientHeight - 8)}px`;
    }
  }

  #level(level) {
    return level === "stop" ? this.#bracket.sl_price : this.#bracket.target_price;
  }

  #make(level, words) {
    const handle = h(
      "button.handle",
      { type: "button", role: "slider", "data-level": level, "aria-label": `${words}, to be moved`, "aria-orientation": "vertical", hidden: true },
      words,
    );
    handle.addEventListener("pointerdown", (event) => this.#grab(event, level, handle));
    handle.addEventListener("keydown", (event) => this.#onKey(event, level));
    handle.addEventListener("blur", () => document.querySelector("dialog[open]") || this.#putBack(level));
    this.box.append(handle);
    return handle;
  }

  #tell(handle, at) {
    handle.setAttribute("aria-valuemin", "0");
    handle.setAttribute("aria-valuemax", String(2 * Number(at)));
    handle.setAttribute("aria-valuenow", at);
    handle.setAttribute("aria-valuetext", price(at));
    handle.title = `${price(at)}: drag it, or use the arrow keys and Enter`;
  }

  // --- by pointer

  #grab(event, level, handle) {
    if (event.button !== 0) return;
    event.preventDefault();
    handle.focus();
    handle.setPointerCapture(event.pointerId);
    this.chart.hold(true);
    const move = (at) => this.#move(level, this.#priceAt(at.clientY));
    const end = (at) => {
      handle.removeEventListener("pointermove", move);
      handle.removeEventListener("pointerup", end);
      handle.removeEventListener("pointercancel", end);
      this.chart.hold(false);
      if (at.type === "pointerup") this.#settle(level);
      else this.#putBack(level);
    };
    handle.addEventListener("pointermove", move);
    handle.addEventListener("pointerup", end);
    handle.addEventListener("pointercancel", end);
  }

  #priceAt(clientY) {
    return this.chart.priceAt(clientY - this.box.getBoundingClientRect().top);
  }

  // --- by keys

  #onKey(event, level) {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.#settle(level);
    } else if (event.key === "Escape") {
      this.#putBack(level);
    } else if (STEPS[event.key]) {
      event.preventDefault();
      const from = this.#moved?.level === level ? this.#moved.price : this.#level(level);
      this.#move(level, Number(from) + STEPS[event.key] * Number(this.#bracket.tick));
    }
  }

  // --- both

  #move(level, to) {
    if (to === null || this.#moved?.isAsked) return;
    const at = onTick(to, this.#bracket.tick);
    if (Number(at) <= 0) return;
    if (this.#moved && this.#moved.level !== level) this.#putBack(this.#moved.level);
    this.#moved = { level, price: at };
    this.chart.move(level, Number(at));
    const handle = this.#handles.get(level);
    handle.toggleAttribute("data-moved", true);
    this.#tell(handle, at);
    this.place();
  }

  async #settle(level) {
    const moved = this.#moved;
    if (moved?.level !== level || moved.isAsked) return;
    if (Number(moved.price) === Number(this.#level(level))) {
      this.#putBack(level);
      return;
    }
    moved.isAsked = true;
    await this.ask(level, moved.price);
    moved.isAsked = false;
    this.#putBack(level);
    this.#handles.get(level).focus();
  }

  /** Show the level where the bracket has it: nothing was changed, or it is told by the bracket already. */
  #putBack(level) {
    if (this.#moved?.level !== level || this.#moved.isAsked) return;
    this.#moved = null;
    this.chart.move(level, null);
    const handle = this.#handles.get(level);
    handle.toggleAttribute("data-moved", false);
    this.#tell(handle, this.#level(level));
    this.place();
  }
}

/** Return the price on the grid that is nearest, with as many decimals as the tick has. */
export function onTick(value, tick) {
  const decimals = (tick.split(".")[1] ?? "").replace(/0+$/, "").length;
  return (Math.round(value / Number(tick)) * Number(tick)).toFixed(Math.max(2, decimals));
}
