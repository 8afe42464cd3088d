// Prices come as text and are shown as they came; numbers are made of them only for distances.

const grouped = new Intl.NumberFormat("en-IN", { minimumFractionDigits: 2, maximumFractionDigits: 4 });

export const price = (text) => (text === null || text === undefined ? "–" : grouped.format(Number(text)));

/** Return how far `level` is from the last price: points and per cent. */
export function distance(level, last) {
  const away = Math.abs(Number(last) - Number(level));
  const percent = (away / Number(last)) * 100;
  return `${grouped.format(away)} · ${percent.toFixed(2)} %`;
}

export const signOf = (action) => (action === "BUY" ? 1 : -1);

export function profitText(text) {
  if (text === null || text === undefined) return "–";
  return `${Number(text) > 0 ? "+" : ""}${grouped.format(Number(text))}`;
}
