// The chart of one bracket: its levels, what its events tell of prices, and what this page has seen since.

import {
  ColorType, createChart, createSeriesMarkers, LineSeries, LineStyle, LineType,
} from "../../vendor/lightweight-charts.standalone.production.mjs";
import { clockText, zoneName } from "./time.js";

const MOST_SAMPLES = 20_000;

const seconds = (iso) => Math.floor(Date.parse(iso) / 1000);

/** Return points in order, one a second at most: of several in a second the last one counts. */
function bySecond(points) {
  const found = new Map();
  for (const { at, price } of points) found.set(seconds(at), Number(price));
  return [...found].sort(([a], [b]) => a - b).map(([time, value]) => ({ time, value }));
}

export class PriceChart {
  #bracket = null;
  #prices = { fills: [], stops: [], market: [] };
  #samples = [];
  #lines = [];
  #isTouched = false; // a person has moved the chart: it stays where they want it
  #moved = new Map(); // level -> where a person holds it, not confirmed yet
  #listeners = [];

  constructor(element) {
    this.element = element;
    this.chart = createChart(element, {
      autoSize: true,
      // The logo's own link would tell another site where this service is; the page has a plain one.
      layout: { attributionLogo: false },
      timeScale: { timeVisible: true, secondsVisible: true, rightOffset: 4 },
      localization: { timeFormatter: (time) => `${clockText(time * 1000)} ${zoneName()}` },
      handleScroll: { vertTouchDrag: false },
    });
    const quiet = { priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false };
    this.last = this.chart.addSeries(LineSeries, {
      lineWidth: 2,
      priceLineVisible: false,
      autoscaleInfoProvider: (original) => this.#widened(original()),
    });
    this.stops = this.chart.addSeries(LineSeries, { ...quiet, lineWidth: 2, lineType: LineType.WithSteps });
    this.events = this.chart.addSeries(LineSeries, { ...quiet, lineVisible: false, pointMarkersVisible: true, pointMarkersRadius: 3 });
    this.markers = createSeriesMarkers(this.events, []);
    for (const kind of ["pointerdown", "wheel"])
      element.addEventListener(kind, () => (this.#isTouched = true), { passive: true });
    this.repaint();
  }

  // --- for handles on the levels

  /** Call back whenever prices may have come to stand elsewhere. */
  onScale(listener) {
    this.#listeners.push(listener);
    this.chart.timeScale().subscribeVisibleLogicalRangeChange(listener);
    this.chart.subscribeCrosshairMove(listener);
    new ResizeObserver(() => requestAnimationFrame(listener)).observe(this.element);
  }

  yOf(price) {
    return this.last.priceToCoordinate(price);
  }

  priceAt(y) {
    return this.last.coordinateToPrice(y);
  }

  /** Draw a level where a person holds it; null puts it back. */
  move(level, price) {
    if (price === null) this.#moved.delete(level);
    else this.#moved.set(level, price);
    this.#levels();
  }

  /** Keep the scale still while a level is dragged: it would run away from the pointer. */
  hold(isHeld) {
    this.chart.applyOptions({ handleScroll: !isHeld && { vertTouchDrag: false }, handleScale: !isHeld });
    this.chart.priceScale("right").applyOptions({ autoScale: !isHeld });
  }

  #rescaled() {
    requestAnimationFrame(() => this.#listeners.forEach((listener) => listener()));
  }

  #fit() {
    if (!this.#isTouched) this.chart.timeScale().fitContent();
  }

  take(bracket, prices = this.#prices) {
    this.#bracket = bracket;
    this.#levels();
    const now = { at: bracket.updated_at, price: bracket.sl_price };
    const path = prices.stops.length ? [...prices.stops, ...(bracket.is_closed || !bracket.held ? [] : [now])] : [];
    this.stops.setData(bySecond(path));
    const fills = prices.fills.map((one) => ({ at: one.at, price: one.price }));
    this.events.setData(bySecond([...prices.market, ...fills]));
    this.#prices = prices;
    this.markers.setMarkers(this.#fills());
    this.#fit();
    this.#rescaled();
  }

  sample(quote) {
    const time = quote && seconds(quote.at);
    if (!quote || (this.#samples.length && time <= this.#samples.at(-1).time)) return;
    this.#samples.push({ time, value: Number(quote.last) });
    if (this.#samples.length > MOST_SAMPLES) this.#samples.shift();
    this.last.update(this.#samples.at(-1));
    this.#holdStop(time);
    this.#fit();
    this.#rescaled();
  }

  /** The stop stays where it is as long as nobody moves it. */
  #holdStop(time) {
    const stop = this.#bracket?.sl_price ?? null;
    if (!this.#bracket?.held || stop === null || !this.#prices.stops.length) return;
    if (time > seconds(this.#bracket.updated_at)) this.stops.update({ time, value: Number(stop) });
  }

  told() {
    const first = this.#samples[0];
    return { sampled: this.#samples.length, since: first ? `${clockText(first.time * 1000)} ${zoneName()}` : "" };
  }

  /** Take the colours of the theme, and write times anew. */
  repaint() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    this.colours = { entry: colour("--link"), stop: colour("--bad"), target: colour("--good"), text: colour("--text") };
    this.chart.applyOptions({
      layout: {
        background: { type: ColorType.Solid, color: colour("--card") },
        textColor: colour("--soft"),
      },
      grid: { vertLines: { color: colour("--edge") }, horzLines: { color: colour("--edge") } },
      timeScale: { borderColor: colour("--edge"), tickMarkFormatter: (time) => clockText(time * 1000) },
      rightPriceScale: { borderColor: colour("--edge") },
    });
    this.last.applyOptions({ color: this.colours.text });
    this.stops.applyOptions({ color: this.colours.stop });
    this.events.applyOptions({ color: this.colours.entry });
    this.markers.setMarkers(this.#fills());
    this.#levels();
  }

  #levels() {
    for (const line of this.#lines) this.last.removePriceLine(line);
    this.#lines = this.#named().map(([title, price, color]) =>
      this.last.createPriceLine({ price, color, title, lineWidth: 1, lineStyle: LineStyle.Dashed, axisLabelVisible: true }),
    );
  }

  #named() {
    const bracket = this.#bracket;
    if (!bracket) return [];
    const { entry, stop, target } = this.colours;
    const known = [
      ["entry", bracket.average_price ?? bracket.entry_price, entry],
      ["stop", this.#moved.get("stop") ?? bracket.sl_price, stop],
      ...bracket.targets.map((_, at) => [
        bracket.targets.length > 1 ? `target ${at + 1}` : "target",
        (bracket.target_levels[at].is_next ? this.#moved.get("target") : null) ?? bracket.target_levels[at].price,
        target,
      ]),
    ];
    return known.filter(([, price]) => price !== null).map(([title, price, color]) => [title, Number(price), color]);
  }

  #fills() {
    const marks = this.#prices.fills.map((one) => ({
      time: seconds(one.at),
      position: one.side === "BUY" ? "belowBar" : "aboveBar",
      shape: one.side === "BUY" ? "arrowUp" : "arrowDown",
      color: one.role === "entry" ? this.colours.entry : this.colours.stop,
      text: `${one.side === "BUY" ? "+" : "-"}${one.quantity}`,
    }));
    return marks.sort((a, b) => a.time - b.time);
  }

  /** Widen the scale to the levels: lines outside the data would not be seen. */
  #widened(original) {
    const levels = this.#named().map(([, price]) => price);
    if (!levels.length) return original;
    const range = original?.priceRange;
    const low = Math.min(...levels, ...(range ? [range.minValue] : []));
    const high = Math.max(...levels, ...(range ? [range.maxValue] : []));
    const room = (high - low) * 0.08 || 1;
    return { priceRange: { minValue: low - room, maxValue: high + room }, margins: original?.margins };
  }
}
