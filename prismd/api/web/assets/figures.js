// Figures of work that goes on: numbers, shares, and times to come or gone by.

const MINUTE_S = 60;
const HOUR_S = 3_600;

/** A number as this browser's language writes it. */
export function number(value) {
  return value.toLocaleString();
}

/** A share of a whole, in per cent; never 100 % before all is done. */
export function percent(part, whole) {
  if (!whole) return "0 %";
  return `${Math.floor((100 * part) / whole)} %`;
}

/** "4 min left"; empty where that is not known, or nothing is left. */
export function timeLeft(seconds) {
  if (!seconds) return "";
  if (seconds < MINUTE_S) return "less than a minute left";
  const minutes = Math.round(seconds / MINUTE_S);
  if (seconds < HOUR_S) return `${minutes} min left`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min left`;
}

/** The same where there is little room: "<1 min left". */
export function shortTimeLeft(seconds) {
  return seconds && seconds < MINUTE_S ? "<1 min left" : timeLeft(seconds);
}

/** A moment, as this browser's language writes it; without the day where that is today. */
export function moment(date) {
  const now = new Date();
  const time = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  if (date.toDateString() === now.toDateString()) return time;
  const year = date.getFullYear() === now.getFullYear() ? {} : { year: "numeric" };
  return `${date.toLocaleDateString([], { day: "numeric", month: "short", ...year })}, ${time}`;
}

/** "12.3 files a second", "24 files a minute"; empty where that is next to nothing. */
export function rate(perSecond, one, many = `${one}s`) {
  const slow = perSecond < 1;
  const value = slow ? Math.round(perSecond * MINUTE_S) : Number(perSecond.toFixed(1));
  if (!value) return "";
  return `${number(value)} ${value === 1 ? one : many} a ${slow ? "minute" : "second"}`;
}
