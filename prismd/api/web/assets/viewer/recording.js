// A recording at its second, with what is said around it.
import { check } from "../api.js";
import { el, replace } from "../dom.js";
import { clock } from "../labels.js";
import { LinePager } from "./lines.js";
import { inWords } from "./place.js";

const NOT_PLAYED =
  "Your browser cannot play this kind of file. Open the whole file in a program that does.";

/**
 * @param {HTMLElement} stage
 * @param {import("./place.js").Place} place
 * @param {(text: string) => void} announce
 * @returns {import("../viewer.js").Shown}
 */
export function showRecording(stage, place, announce) {
  const known = place.document;
  const player = known?.file_id && known.type === "audio" ? playerOf(place) : null;
  const list = el("ol.lines.said-lines", { "aria-label": "What is said" });
  const pager = new LinePager(place, list, (line) => saidLine(line, player), announce);
  const problem = el("p.note.small", { role: "note", hidden: true });
  if (player) {
    player.addEventListener("timeupdate", () => follow(list, player.currentTime));
    player.addEventListener("loadedmetadata", () => (problem.hidden = true));
    player.addEventListener("error", () => failed(player, problem));
    stage.append(player, problem);
  }
  stage.append(el("div.lines-box", {}, pager.parts));
  pager.begin();
  return {
    end: () => {
      pager.end();
      player?.pause();
      player?.removeAttribute("src");
    },
    retry: () => {
      if (player?.error) begin(player, place);
      pager.retry();
    },
  };
}

/** A player does not say why it cannot play: the server is asked whether there is something. */
async function failed(player, problem) {
  const address = player.getAttribute("src");
  if (!address) return;
  const words = await check(address).then(
    () => NOT_PLAYED,
    (error) => inWords(error),
  );
  if (player.getAttribute("src") !== address) return;
  replace(problem, words);
  problem.hidden = false;
}

function playerOf(place) {
  const { document: known, locator } = place;
  const kind = known.media_type.startsWith("video/") ? "video" : "audio";
  const player = el(kind, {
    controls: true,
    preload: "metadata",
    "aria-label": `Recording, from ${clock(startOf(locator))}`,
  });
  begin(player, place);
  return player;
}

/** Load what is to be played, and go to the second of the place. */
function begin(player, { document: known, locator }) {
  const start = startOf(locator);
  // Before its length is known, a player takes no second to begin with.
  player.addEventListener("loadedmetadata", () => (player.currentTime = start), { once: true });
  player.src = `/files/${known.file_id}/content`;
}

function startOf(locator) {
  return locator?.kind === "time" ? locator.start_s : 0;
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
