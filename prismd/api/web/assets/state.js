// What a status says, in words; the status line and the activity view agree by it.
import { moment, number, percent, rate, shortTimeLeft, timeLeft } from "./figures.js";
import { count } from "./labels.js";

/**
 * @typedef {object} Progress
 * @property {number} done Files that need no more reading.
 * @property {number} total All but those that cannot be read now.
 */

/** @returns {Progress} */
export function progressOf(status) {
  const waiting = status.waiting.reduce((sum, each) => sum + each.files, 0);
  const total = Math.max(status.files.total - waiting, 0);
  return { done: Math.max(total - status.left, 0), total };
}

/** Whether all files are read, and what is made now is vectors of their passages. */
export function makesVectors({ state, left, passages, passages_embedded: embedded }) {
  return state === "indexing" && !left && embedded < passages;
}

/** How fast that goes which is being done; empty while nothing is, or that is not known. */
export function pace(status) {
  if (status.state !== "indexing") return "";
  if (status.left) return rate(status.rate_files_per_s, "file");
  return makesVectors(status) ? rate(status.rate_embeddings_per_s, "passage") : "";
}

/**
 * How prismd stands.
 *
 * @returns {{tone: "busy" | "idle" | "paused" | "trouble", title: string, detail: string}}
 */
export function stateOf(status) {
  const tone = status.faults.length ? "trouble" : TONES[status.state];
  if (status.state === "paused") return { tone, title: pausedTitle(status), detail: held(status) };
  if (status.state === "idle") return { tone, title: "Up to date", detail: found(status) };
  const detail = [work(status), timeLeft(status.eta_s)].filter(Boolean).join(" · ");
  const title = status.state === "starting" ? "Looking through your folders" : "Indexing";
  return { tone, title, detail };
}

const TONES = { starting: "busy", indexing: "busy", idle: "idle", paused: "paused" };

/** One line for the page's frame, such as "312 of 1,204 · 4 min left". */
export function shortState(status) {
  if (status.faults.length) return "Needs your attention";
  if (status.state === "paused" && status.paused?.by === "schedule") return "Waiting";
  if (makesVectors(status)) {
    const far = `${percent(status.passages_embedded, status.passages)} by meaning`;
    return [far, shortTimeLeft(status.eta_s)].filter(Boolean).join(" · ");
  }
  if (status.state !== "indexing" || !status.left) return stateOf(status).title;
  const { done, total } = progressOf(status);
  const far = `${number(done)} of ${number(total)}`;
  return [far, shortTimeLeft(status.eta_s)].filter(Boolean).join(" · ");
}

/** Whether nothing can be found by its meaning, though that is wanted. */
export function lacksMeaning(status) {
  return ["missing", "error"].includes(status.models.embedding?.state);
}

/** What is in the way, each fit to show: faults, the configuration's, and files that wait. */
export function obstaclesOf(status) {
  const faults = status.faults.map((fault) => fault.message);
  const waiting = status.waiting.map((each) => `${count(each.files, "file")} waiting: ${each.why}`);
  const told = [...new Set([...faults, status.config_fault].filter(Boolean))];
  return { faults: told, waiting };
}

/** What of the index is stale, and why. */
export function staleInWords({ count, what, why }) {
  return `${number(count)} ${what} ${why}.`;
}

function pausedTitle({ paused }) {
  if (paused?.by === "schedule") return "Waiting, as your schedule says";
  if (paused?.until) return `Paused until ${moment(new Date(paused.until * 1000))}`;
  return "Paused until you resume";
}

function held(status) {
  const why = status.paused?.why;
  const left = status.left ? `${count(status.left, "file")} to be read` : "";
  return [why, left].filter(Boolean).join(" · ");
}

function found(status) {
  if (!status.files.total) return "No files yet";
  return `${count(status.files.completed, "file")} can be searched`;
}

function work(status) {
  const { done, total } = progressOf(status);
  if (status.left) return `${number(done)} of ${count(total, "file")}`;
  if (makesVectors(status)) {
    const far = `${number(status.passages_embedded)} of ${count(status.passages, "passage")}`;
    return `${far} searchable by meaning`;
  }
  return status.looking ? "Comparing your folders with the index" : "";
}
