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

/** A paragraph, its sentences each at its own second; what parts two paragraphs is not shown. */
function saidLine(line, player) {
  if (line.start_s === null) return el("li", { hidden: true });
  if (!line.sentences.length || !player)
    return el("li.line.said-line", {}, el("span.line-text", {}, marked(line)));
  return el(
    "li.line.said-line",
    {},
    line.sentences.map((each) => saidSentence(each, player)),
  );
}

function saidSentence(sentence, player) {
  const jump = () => {
    player.currentTime = sentence.start_s;
    player.play().catch(() => {}); // the browser may want to be asked by the player itself
  };
  return el(
    "button.said-button",
    {
      type: "button",
      onclick: jump,
      dataset: { start: sentence.start_s, end: sentence.end_s },
    },
    el("span.said-time", {}, clock(sentence.start_s)),
    el("span.line-text", {}, marked(sentence)),
  );
}

function marked({ before, marked: words, after }) {
  return [before, words ? el("mark", {}, words) : null, after];
}

function follow(list, second) {
  for (const said of list.querySelectorAll(".said-button")) {
    const now = second >= Number(said.dataset.start) && second < Number(said.dataset.end);
    if (now) said.setAttribute("aria-current", "true");
    else said.removeAttribute("aria-current");
  }
}
