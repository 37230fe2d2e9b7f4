// The state in one line, for the page's frame: a sign, which is told from others by its shape as
// well as by its colour, words that lead to Activity, pause or resume.
//
// Roles for tests: group "Indexing" with a link (its words are the state) and one button, "Pause
// indexing" or "Resume indexing".
import { el, icon, iconButton, replace } from "./dom.js";
import { lacksMeaning, shortState, stateOf } from "./state.js";
import { pause, resume } from "./switches.js";
import { setText } from "./text.js";

const SIGNS = {
  idle: "check",
  busy: "activity",
  paused: "pause",
  limited: "info",
  trouble: "warning",
  off: "close",
};

/**
 * @param {import("./app.js").Context} context
 * @returns {HTMLElement} Kept up to date for as long as the page is open.
 */
export function statusLine(context) {
  const words = el("span.status-words", {}, "Connecting");
  const sign = el("span.sign");
  const link = el("a.status-link", { href: "#/activity" }, sign, words);
  const button = iconButton("pause", "Pause indexing", () => {
    const { status } = context.live;
    if (isPaused(status)) resume(context, button, { override: status?.paused?.by === "schedule" });
    else pause(context, button, null);
  });
  context.live.subscribe(({ connected, status }) => {
    button.hidden = !connected || !status;
    const { tone, said } = connected && status ? standing(status) : AWAY;
    if (link.dataset.tone !== tone) replace(sign, icon(SIGNS[tone]));
    link.dataset.tone = tone;
    setText(words, said);
    if (status) label(button, isPaused(status));
  });
  return el("div.status-line", { role: "group", "aria-label": "Indexing" }, link, button);
}

const AWAY = { tone: "off", said: "Not connected" };

/** What is read is up to date and all the same not found by its meaning: that is no good state. */
function standing(status) {
  const { tone } = stateOf(status);
  if (tone === "idle" && lacksMeaning(status))
    return { tone: "limited", said: "Only words are found" };
  return { tone, said: shortState(status) };
}

function isPaused(status) {
  return status?.state === "paused";
}

function label(button, paused) {
  const name = paused ? "Resume indexing" : "Pause indexing";
  if (button.getAttribute("aria-label") === name) return;
  button.setAttribute("aria-label", name);
  button.title = name;
  replace(button, icon(paused ? "play" : "pause"));
}
