// What keeps a page true: a pulse each second, and updates the moment they happen.
//
// The pulse says which brackets have another version, the prices at hand and shares without a stop. The
// socket brings news at once; after a gap it asks for what was missed. Either alone keeps the page right.

import { io } from "../../vendor/socket.io.esm.min.js";
import { call, toLogin, Unreachable } from "./http.js";
import { learn, now } from "./time.js";

const EVERY_MS = 1000;
const ANSWER_SECONDS = 3;
const STALE_MS = 5000; // longer than a beat and its answer take: the page was asleep, or nobody beats

class Live extends EventTarget {
  link = "waiting"; // waiting, live, slow (pulse only), failing (an answer, but a refusal), gone
  fault = ""; // why it is failing
  since = null; // when the last pulse came, by the service's clock
  pulse = null;
  #seqs = {}; // by account
  #socketUp = false;
  #trouble = null; // failing or gone, by the newest beat
  #takenAt = -Infinity; // by this machine's clock, which goes on while the page sleeps
  #timer = null;
  #asking = false;
  #stopped = false;
  #socket = null;

  start() {
    this.#connect();
    this.beat();
    setInterval(() => this.#tellLink(), 500); // also while no beat comes to its end
    document.addEventListener("visibilitychange", () => document.hidden || this.beat());
  }

  /** Ask nothing any more: the person is leaving. */
  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#socket.disconnect();
  }

  /** Ask for a pulse now. */
  async beat() {
    if (this.#asking || this.#stopped) return;
    this.#asking = true;
    clearTimeout(this.#timer);
    try {
      this.#take(await call("pulse", { byItself: true, seconds: ANSWER_SECONDS }));
    } catch (error) {
      this.#trouble = error instanceof Unreachable ? "gone" : "failing";
      this.fault = error.message;
    } finally {
      this.#asking = false;
      if (!this.#stopped) this.#timer = setTimeout(() => this.beat(), EVERY_MS);
    }
    this.#tellLink();
  }

  #take(pulse) {
    learn(pulse.now);
    this.#trouble = null;
    this.#takenAt = Date.now();
    this.pulse = pulse;
    this.since = now();
    for (const account of pulse.accounts) this.#seqs[account.id] ??= account.seq;
    this.#dispatch("pulse", pulse);
  }

  #connect() {
    const socket = io({ transports: ["websocket"], reconnectionDelay: 300, reconnectionDelayMax: 2000 });
    this.#socket = socket;
    socket.on("connect", () => {
      this.#socketUp = true;
      this.#catchUp(socket);
      this.beat();
      this.#tellLink();
    });
    socket.on("disconnect", (reason) => {
      this.#socketUp = false;
      // The service cut it: it is stopping, or the session has ended. This library then stays away by itself.
      if (reason === "io server disconnect") setTimeout(() => socket.connect(), 500);
      this.#tellLink();
      this.beat(); // whether the service is gone, or only the socket
    });
    socket.on("connect_error", (error) => {
      this.#socketUp = false;
      if (error.data?.code === "not_logged_in") toLogin();
      this.#tellLink();
    });
    socket.on("bracket_order_update", (update) => this.#hear(update));
  }

  #catchUp(socket) {
    if (!Object.keys(this.#seqs).length) return;
    socket.emit("bracket_order_replay", { since: this.#seqs }, (missed) => {
      for (const update of missed) this.#hear(update);
    });
  }

  #hear(update) {
    if (update.seq <= (this.#seqs[update.account_id] ?? -1)) return; // heard before
    this.#seqs[update.account_id] = update.seq;
    this.#dispatch("update", update);
  }

  #tellLink() {
    const isFresh = Date.now() - this.#takenAt < STALE_MS;
    const link = this.#trouble ?? (!isFresh ? "waiting" : this.#socketUp ? "live" : "slow");
    if (link === this.link) return;
    this.link = link;
    this.#dispatch("link", link);
  }

  #dispatch(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

export const live = new Live();
