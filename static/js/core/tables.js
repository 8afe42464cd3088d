// Tables of facts that scroll by themselves on a narrow screen, and what is not there said in words.

import { h } from "./dom.js";

/** Return a table. `heads` are texts, "" for the column of acts; `rows` are lists of cells or of [cell, class]. */
export function table(label, heads, rows, { right = [], nothing = "There is nothing yet." } = {}) {
  if (!rows.length) return h("p.hint", {}, nothing);
  const side = (at) => (right.includes(at) ? "right" : null);
  const head = heads.map((name, at) => h("th", { scope: "col", class: side(at) }, name || h("span.sr", {}, "Actions")));
  const body = rows.map((cells) =>
    h("tr", {}, ...cells.map((cell, at) => {
      const [content, kind] = Array.isArray(cell) ? cell : [cell, null];
      const classes = [side(at), kind, heads[at] === "" ? "acts-cell" : null].filter(Boolean).join(" ");
      return h("td", { class: classes || null }, content ?? "–");
    })),
  );
  return h(
    "div.scroll",
    { tabindex: "0", role: "region", "aria-label": `${label}, as a table` },
    h("table.plain", {}, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...body)),
  );
}

/** Return a list of names with what they are. */
export const facts = (pairs) =>
  h("dl.facts", {}, pairs.filter(Boolean).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value ?? "–")]));

/** Return an amount with its sign, coloured by it. */
export function money(text) {
  if (text === null || text === undefined) return h("span.off", {}, "–");
  const value = Number(text);
  const tone = value > 0 ? ".gain" : value < 0 ? ".loss" : "";
  const shown = new Intl.NumberFormat("en-IN", { minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(Math.abs(value));
  return h(`span${tone}`, {}, `${value > 0 ? "+" : value < 0 ? "−" : ""}${shown}`);
}

export const words = (text) => text.replaceAll("_", " ");
