// The state in one line, for the page's frame: a dot, words that lead to Activity, pause or resume.
//
// Roles for tests: group "Indexing" with a link (its words are the state) and one button, "Pause
// indexing" or "Resume indexing".
import { el, icon, iconButton, replace } from "./dom.js";
import { shortState, stateOf } from "./state.js";
import { pause, resume } from "./switches.js";
import { setText } from "./text.js";

/**
 * @param {import("./app.js").Context} context
 * @returns {HTMLElement} Kept up to date for as long as the page is open.
 */
export function statusLine(context) {
  const words = el("span.status-words", {}, "Connecting");
  const dot = el("span.dot", { "aria-hidden": "true" });
  const link = el("a.status-link", { href: "#/activity" }, dot, words);
  const button = iconButton("pause", "Pause indexing", () => {
    const { status } = context.live;
    if (isPaused(status)) resume(context, button, { override: status.paused?.by === "schedule" });
    else pause(context, button, null);
  });
  context.live.subscribe(({ connected, status }) => {
    button.hidden = !connected || !status;
    link.dataset.tone = connected && status ? stateOf(status).tone : "off";
    setText(words, connected && status ? shortState(status) : "Not connected");
    if (status) label(button, isPaused(status));
  });
  return el("div.status-line", { role: "group", "aria-label": "Indexing" }, link, button);
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
