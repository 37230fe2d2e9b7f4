// A recording at its second, with what is said around it.
import { el } from "../dom.js";
import { clock } from "../labels.js";
import { linePager } from "./lines.js";

/**
 * @param {HTMLElement} stage
 * @param {import("../viewer.js").Place} place
 */
export function showRecording(stage, place) {
  const { document: known } = place;
  const player = known.file_id && known.type === "audio" ? playerOf(place) : null;
  const list = el("ol.lines.said-lines", { "aria-label": "What is said" });
  const pager = linePager(place, list, (line) => saidLine(line, player));
  const problem = el(
    "p.note.small",
    { role: "note", hidden: true },
    "Your browser cannot play this kind of file. Open the whole file in a program that does.",
  );
  if (player) {
    player.addEventListener("timeupdate", () => follow(list, player.currentTime));
    player.addEventListener("error", () => (problem.hidden = false));
    stage.append(player, problem);
  }
  stage.append(el("div.lines-box", {}, pager.before, list, pager.after));
  pager.begin(stage);
  return () => {
    player?.pause();
    player?.removeAttribute("src");
  };
}

function playerOf(place) {
  const { document: known, locator } = place;
  const start = locator?.kind === "time" ? locator.start_s : 0;
  const kind = known.media_type.startsWith("video/") ? "video" : "audio";
  const player = el(kind, {
    controls: true,
    preload: "metadata",
    "aria-label": `Recording, from ${clock(start)}`,
  });
  // Before its length is known, a player takes no second to begin with.
  player.addEventListener("loadedmetadata", () => (player.currentTime = start), { once: true });
  player.src = `/files/${known.file_id}/content`;
  return player;
}

function saidLine(line, player) {
  const text = [line.before, line.marked ? el("mark", {}, line.marked) : null, line.after];
  if (line.start_s === null || !player)
    return el("li.line.said-line", {}, el("span.line-text", {}, text));
  const jump = () => {
    player.currentTime = line.start_s;
    player.play().catch(() => {}); // the browser may want to be asked by the player itself
  };
  return el(
    "li.line.said-line",
    { dataset: { start: line.start_s, end: line.end_s } },
    el(
      "button.said-button",
      { type: "button", onclick: jump },
      el("span.said-time", {}, clock(line.start_s)),
      el("span.line-text", {}, text),
    ),
  );
}

function follow(list, second) {
  for (const item of list.children) {
    const now = second >= Number(item.dataset.start) && second < Number(item.dataset.end);
    if (now) item.setAttribute("aria-current", "true");
    else item.removeAttribute("aria-current");
  }
}
