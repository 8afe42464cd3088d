// What every page has: the connection, the clock, the alarm of shares without a stop, the kill switch.

import { killSwitch } from "./acts.js";
import { alarmWords, causeWords, troubleWords } from "./badges.js";
import { tellDialog } from "./dialog.js";
import { byId, fill, h, say } from "./dom.js";
import { Refused, Unreachable } from "./http.js";
import { live } from "./live.js";
import { clockText, now, onZone, switchZone, turnDay, zoneName } from "./time.js";

const LINK_WORDS = {
  waiting: "Connecting",
  live: "Live",
  slow: "Live by the second",
  failing: "Not up to date",
  gone: "No connection",
};

const OUTAGES = {
  failing: (when) => `The service cannot tell how things stand${when}: ${live.fault}. What you see is from then, and what it shows may have changed.`,
  gone: (when) => `The service does not answer${when}. What you see is from then. Orders that rest at the exchange or the broker go on working; what this service holds itself waits.`,
};

// --- connection

live.addEventListener("link", ({ detail: link }) => {
  byId("link").dataset.link = link;
  say(byId("link"), LINK_WORDS[link]);
  document.body.dataset.link = link;
  const gone = byId("gone");
  gone.hidden = !(link in OUTAGES);
  if (gone.hidden) return;
  const when = live.since === null ? "" : ` since ${clockText(live.since)} ${zoneName()}`;
  gone.textContent = OUTAGES[link](when);
});

// --- shares without a stop

let naked = [];
let nakedAt = 0;

live.addEventListener("pulse", ({ detail: pulse }) => {
  const before = naked.map(bareWords).join();
  naked = pulse.naked;
  nakedAt = performance.now();
  if (naked.map(bareWords).join() !== before) paintNaked();
  paintClocks();
  paintNotices(pulse);
});

const bareWords = (one) => [one.bracket_id, one.quantity, one.cause].join(" ");

function paintNaked() {
  const banner = byId("naked");
  banner.hidden = naked.length === 0;
  fill(
    banner,
    naked.map((one) =>
      h(
        "p",
        {},
        h("span.ticking", { "aria-hidden": "true" }),
        h("b", {}, `${one.quantity} ${one.symbol} without a working stop`),
        ` ${one.paper ? "(paper)" : "(LIVE)"}, account ${one.account}: ${causeWords(one.cause)}. `,
        h("a", { href: `/dashboard/brackets/${one.bracket_id}` }, "Look at it"),
      ),
    ),
  );
}

function paintClocks() {
  const passed = (performance.now() - nakedAt) / 1000;
  const clocks = byId("naked").querySelectorAll(".ticking");
  naked.forEach((one, at) => {
    if (clocks[at]) say(clocks[at], `${(one.seconds + passed).toFixed(1)} s`);
  });
}

setInterval(paintClocks, 100);

// --- accounts in trouble, kill switch

let kill = "off";

function paintNotices(pulse) {
  const words = [];
  for (const one of pulse.accounts) {
    for (const trouble of one.troubles) words.push(`Account ${one.name}: ${troubleWords(trouble)}.`);
    if (!one.is_worked && one.status !== "disabled") words.push(`Account ${one.name} is not being watched: it has no broker login.`);
    words.push(...one.faults);
    if (one.kill !== pulse.kill) words.push(`Account ${one.name} is paused by its own switch (${one.kill.replace("_", " ")}): no new brackets in it.`);
  }
  kill = pulse.kill;
  if (kill !== "off") words.push(`The kill switch of all accounts is set to ${kill.replace("_", " ")}: no new brackets.`);
  if (pulse.analyze) words.push("The analyzer is on: new brackets are paper.");
  byId("kill").dataset.kill = kill;
  say(byId("kill"), kill === "off" ? "Kill switch" : `Kill switch: ${kill.replace("_", " ")}`);
  const box = byId("notices");
  const text = words.join(" ");
  box.hidden = !text;
  say(box, text);
}

byId("kill").addEventListener("click", () => killSwitch(kill, () => live.beat()));

// --- news

live.addEventListener("update", ({ detail: update }) => {
  const tone = { unprotected: "bad", error: "bad", partial_failure: "bad", rejected: "bad" }[update.status] ?? "plain";
  byId("news").querySelector(`[data-id="${update.bracket_id}"]`)?.remove(); // the newest word of each bracket
  const line = h(`p.${tone}`, { "data-id": update.bracket_id }, h("b", {}, update.symbol), ` ${alarmWords(update.message)}`);
  byId("news").prepend(line);
  while (byId("news").children.length > 3) byId("news").lastChild.remove();
  setTimeout(() => line.remove(), 8000);
});

// --- what a page asked for and did not get

addEventListener("unhandledrejection", (event) => {
  if (!(event.reason instanceof Refused || event.reason instanceof Unreachable)) return;
  event.preventDefault(); // told here, to the person: a fault of the page itself still goes to the console
  const line = h("p.bad", {}, `That did not work: ${event.reason.message}`);
  byId("news").prepend(line);
  setTimeout(() => line.remove(), 8000);
});

// --- clock, zone, theme, keys

function paintClock() {
  say(byId("clock"), `${clockText(now())} ${zoneName()}`);
  say(byId("zone-name"), zoneName());
  turnDay();
}
setInterval(paintClock, 500);
onZone(paintClock);
paintClock();
byId("zone").addEventListener("click", switchZone);

const THEMES = ["auto", "light", "dark"];
function theme() {
  return document.documentElement.dataset.theme ?? "auto";
}
function paintTheme() {
  say(byId("theme"), `Theme: ${theme()}`);
}
byId("theme").addEventListener("click", () => {
  const next = THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length];
  if (next === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  localStorage.setItem("theme", next);
  paintTheme();
  document.dispatchEvent(new Event("themechange"));
});
paintTheme();

const KEYS = [
  ["j, k", "next, previous bracket on the board"],
  ["Enter", "open the bracket"],
  ["m, c, x", "modify, cancel, exit the bracket that has the focus"],
  ["arrows, Page keys", "on Stop or Target beside a chart: move it by one tick or ten; Enter asks, Esc puts it back"],
  ["z", "IST or UTC"],
  ["Esc", "close a dialog: nothing is done"],
];

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog")) return;
  if (event.key === "z") switchZone();
  if (event.key === "?") {
    const rows = KEYS.map(([key, words]) => h("tr", {}, h("td", {}, h("kbd", {}, key)), h("td", {}, words)));
    tellDialog("Keys", h("table.plain", {}, h("tbody", {}, ...rows)));
  }
});

byId("logout").addEventListener("submit", () => live.stop());

// On a phone the pages are one line that scrolls: the page that is open must be in sight.
document.querySelector('nav [aria-current="page"]')?.scrollIntoView({ block: "nearest", inline: "center" });

live.start();
