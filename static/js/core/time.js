// Times: kept in UTC, shown in IST or UTC, by the service's clock and not this machine's.

const ZONES = { IST: "Asia/Kolkata", UTC: "UTC" };
let zone = localStorage.getItem("zone") === "UTC" ? "UTC" : "IST";
let offset = 0; // milliseconds that the service's clock is ahead of ours
const listeners = new Set();

export const zoneName = () => zone;
export const otherZone = () => (zone === "IST" ? "UTC" : "IST");
export const now = () => Date.now() + offset;

export function learn(iso) {
  offset = Date.parse(iso) - Date.now();
}

export function onZone(listener) {
  listeners.add(listener);
}

export function switchZone() {
  zone = otherZone();
  localStorage.setItem("zone", zone);
  repaint();
  for (const listener of listeners) listener();
}

const repaint = () => document.querySelectorAll("time[datetime]").forEach(paint);

let paintedOn = null;

/** A page that stays open over midnight: what was today's is not any more. */
export function turnDay() {
  const today = dayOf(now());
  if (paintedOn !== null && paintedOn !== today) repaint();
  paintedOn = today;
}

const formats = {};
function format(name, options) {
  const key = `${name} ${JSON.stringify(options)}`;
  formats[key] ??= new Intl.DateTimeFormat("en-GB", { timeZone: ZONES[name], hour12: false, ...options });
  return formats[key];
}

const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
const DAY = { day: "2-digit", month: "short" };
const DATE = { ...DAY, year: "numeric" };

const dayOf = (at, name = zone) => format(name, DATE).format(new Date(at));
const yearOf = (day) => day.split(" ").at(-1);

/** Return a time of day, with the date when it is not today's, and the year when it is not this one. */
export function clockText(milliseconds, name = zone) {
  const [day, today] = [dayOf(milliseconds, name), dayOf(now(), name)];
  const date = yearOf(day) === yearOf(today) ? format(name, DAY).format(new Date(milliseconds)) : day;
  return `${day === today ? "" : `${date} `}${format(name, CLOCK).format(new Date(milliseconds))}`;
}

/** Return a <time> of an ISO text that follows the chosen zone and tells the other one in its title. */
export function timeElement(iso) {
  const made = document.createElement("time");
  made.dateTime = iso;
  paint(made);
  return made;
}

function paint(element) {
  const at = Date.parse(element.dateTime);
  element.textContent = clockText(at);
  element.title = `${clockText(at, otherZone())} ${otherZone()}`;
}

/** Return an age in words: 8 s, 4 min, 3 h 10 min, 2 d. */
export function ageText(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d`;
}
