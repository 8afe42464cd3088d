// Badges and words that the board and the page of a bracket share.

import { h } from "./dom.js";

export const modeBadge = (bracket) =>
  h(`span.badge.${bracket.paper ? "paper" : "live"}`, {}, bracket.paper ? "PAPER" : "LIVE");

const CALM = new Set(["PROTECTED", "CLOSED"]);
const WORRY = new Set(["EMERGENCY", "UNWINDING", "REJECTED"]);

export function stateTone(bracket) {
  if (bracket.naked || WORRY.has(bracket.state)) return "bad";
  if (CALM.has(bracket.state)) return "good";
  return bracket.state === "PROTECTED_PARTIAL" || bracket.state === "PROTECTING" ? "warn" : "plain";
}

export const stateWords = (bracket) => bracket.state.toLowerCase().replaceAll("_", " ");

const PROTECTS = new Set(["stop", "oco", "native"]);

export function guardTone(guard) {
  if (guard.hold === "none" || (PROTECTS.has(guard.hold) && guard.quantity < guard.held)) return "bad";
  if (guard.hold === "unconfirmed" || guard.hold === "target") return "warn";
  return guard.hold === "empty" ? "plain" : "good";
}

/** Say which exits of a slice outlive a shutdown of the service, as things stand now; null where none rests. */
export function survival(guard) {
  const { stop, target } = guard.rests;
  if (stop && target) return "works on without this service";
  if (stop) return "stop works on without this service; the target needs it";
  return target ? "target works on without this service; the stop needs it" : null;
}

const TROUBLES = {
  AUTH_DEAD: "the broker's session is dead: log in to the broker again",
  BROKER_DOWN: "the broker's books cannot be read",
  FEED_STALE: "no price comes for shares that are held",
  UNKNOWN_LEG: "it is not known what became of an order: it is being looked for",
  NEEDS_ATTENTION: "needs you",
  EXTERNAL_CHANGE: "somebody else changed its orders or shares",
  EXITING_AT_BAND: "leaving at the edge of the day's price band",
  KILLED: "left by the kill switch",
  WATCH: "closed, and watched for orders that come back",
};
const CALM_FLAGS = new Set(["KILLED", "WATCH"]);
export const isTrouble = (name) => !CALM_FLAGS.has(name);
export const troubleWords = (name) => TROUBLES[name] ?? name.toLowerCase().replaceAll("_", " ");

const CAUSES = {
  below_lot: "less than a lot is held, and no exchange takes an order for it",
  first_fill: "the first shares have just filled",
  no_average_price: "the broker has not told the price of the fill",
  stop_on_the_wire: "the stop is on its way to the broker",
  stop_unknown: "the broker did not say what became of the stop; it is being looked for",
  stop_unconfirmed: "the broker took the stop, no book shows it yet",
  stop_pending: "the stop does not rest at the exchange yet",
  stop_refused: "the broker refused the stop",
  stop_cancelled: "the stop was cancelled",
  stop_expired: "the stop ran out",
  stop_not_sent: "the stop could not be sent",
  stop_absent: "the stop never arrived at the broker",
  exit_unfilled: "the exit has triggered and does not fill",
  resize: "the stop is smaller than what is held",
};
/** An alarm may end with a code, for reports to count; people get its words. */
export const alarmWords = (text) => text.replace(/: ([a-z]+(?:_[a-z]+)+)$/, (_, code) => `: ${causeWords(code)}`);
export const causeWords = (name) => CAUSES[name] ?? name.replaceAll("_", " ");
