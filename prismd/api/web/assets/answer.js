// One turn of a conversation: the question, the answer as it comes, and what it rests on.
//
// For tests: each turn is an `article` named by its question; the marks in the text and the list
// "Sources" are buttons named "Source 1: …".
import { append, el, icon, replace, spoken } from "./dom.js";
import { render } from "./markdown.js";
import { place, seen, short, shownPath, support, tails, typeIcon } from "./labels.js";
import { noteElement } from "./text.js";

const QUOTE_CHARS = 180;
const NAME_CHARS = 80; // nobody listens to more of a name
const GROUNDING = {
  supported: ["check", "Your files say so: every sentence has a source."],
  partial: ["info", "Partly from your files: sentences without a number have no source."],
  none: ["info", "Your files do not say: nothing is cited."],
};
// What says the same in other words could not be found, which limits the verdict.
const BY_WORDS = {
  supported: ["info", "Every sentence has a source, of those that were found by words alone."],
  none: ["info", "Nothing is cited: no source was found by words alone."],
};

/**
 * The element of a turn, brought up to date by `refresh`.
 *
 * @param {import("./conversation.js").Turn} turn
 * @param {{open: (citation: any, opener: HTMLElement) => void, retry: () => void,
 *   hint: () => HTMLElement | null}} actions `hint` is what to do while there is nothing to ask.
 */
export function turnElement(turn, actions) {
  const heading = el("h2.question", {}, turn.question);
  const body = el("div.answer-text");
  const rest = el("div.answer-rest");
  const element = el(
    "article.turn",
    { "aria-label": short(turn.question, 80) },
    heading,
    body,
    rest,
  );
  const refresh = () => {
    replace(body, textOf(turn, actions));
    element.setAttribute("aria-busy", String(turn.state === "streaming"));
    element.dataset.state = turn.state;
    replace(rest, afterText(turn, actions));
  };
  refresh();
  /** The last of what is to be seen when it is whole: the first source, or the verdict. */
  const first = () =>
    rest.querySelector(".source") ?? rest.querySelector(".grounding") ?? rest.lastElementChild;
  return { element, refresh, first };
}

function textOf(turn, actions) {
  if (!turn.text && turn.state === "streaming") {
    return el(
      "p.thinking",
      {},
      el("span.pulse", { "aria-hidden": "true" }),
      "Looking through your files…",
    );
  }
  const cited = citedBy(turn);
  const ranges = cited.map((each) => [each.from, each.to, each.support]);
  return render(turn.text, {
    text: (text, at) => sentences(text, at, ranges),
    mark: (number, at) => mark(number, nearest(cited, number, at), actions),
  });
}

/** Citations with their ranges in UTF-16 units, as JavaScript counts. */
function citedBy(turn) {
  const citations = turn.note?.citations ?? [];
  const units = [0];
  for (const character of citations.length ? turn.text : "")
    units.push(units.at(-1) + character.length);
  const unit = (point) => units[Math.min(point, units.length - 1)];
  const tail = tails(citations.map((each) => each.path));
  return citations.map((each) => ({
    ...each,
    file: short(tail.get(each.path), NAME_CHARS),
    from: unit(each.char_start),
    to: unit(each.char_end),
  }));
}

/** The citation that a mark stands for: that of its number whose sentence ends just before it. */
function nearest(cited, number, at) {
  const own = cited.filter((each) => each.n === number);
  return own.filter((each) => each.to <= at).sort((a, b) => b.to - a.to)[0] ?? own[0] ?? null;
}

const ORDER = ["exact", "supported", "weak", "none"];

/** Text cut where a cited sentence begins or ends, each part with the best support that it has. */
function sentences(text, at, ranges) {
  const end = at + text.length;
  const edges = new Set([at, end]);
  for (const [from, to] of ranges)
    for (const edge of [from, to]) if (edge > at && edge < end) edges.add(edge);
  const sorted = [...edges].sort((a, b) => a - b);
  return sorted.slice(1).map((to, index) => {
    const from = sorted[index];
    const held = ranges
      .filter((range) => range[0] <= from && to <= range[1])
      .map((range) => range[2]);
    const best = ORDER.find((level) => held.includes(level));
    const piece = text.slice(from - at, to - at);
    return best
      ? el("span.said", { dataset: { support: best } }, piece)
      : document.createTextNode(piece);
  });
}

function mark(number, citation, actions) {
  if (!citation) return el("span.cite.pending", {}, spoken("Source "), number);
  return el(
    "button.cite",
    {
      type: "button",
      dataset: { support: citation.support },
      "aria-label": named(citation),
      title: `${from(citation)} – ${support(citation.support)}`,
      onclick: (event) => actions.open(citation, event.currentTarget),
    },
    number,
  );
}

function named(citation) {
  return `Source ${citation.n}: ${from(citation)}, ${support(citation.support)}`;
}

/** Title, file where that is another, and place. */
function from({ title, file, locator }) {
  return [title, file === title ? "" : file, place(locator)].filter(Boolean).join(", ");
}

function afterText(turn, actions) {
  if (turn.state === "streaming") return [];
  if (turn.state === "failed") return failure(turn, actions);
  if (turn.state === "stopped") return stopped(turn, actions);
  const warnings = (turn.note?.warnings ?? []).map(noteElement);
  return [actions.hint() ?? groundingOf(turn), warnings, sourcesOf(turn, actions), figuresOf(turn)];
}

function stopped(turn, actions) {
  const words = turn.text
    ? "Stopped. What was written until then has not been checked."
    : "Stopped before anything was written.";
  return [
    el("p.grounding", {}, icon("stop"), words),
    el("button", { type: "button", onclick: actions.retry }, "Ask again"),
  ];
}

function failure(turn, actions) {
  return el(
    "div.note.error",
    { role: "alert" },
    icon("warning"),
    el(
      "div",
      {},
      el("p", {}, turn.error.message),
      el("button", { type: "button", onclick: actions.retry }, "Ask again"),
    ),
  );
}

/** How far the files bear an answer out: the name of an icon, and words. */
export function verdictOf({ note }) {
  return (note?.searched === "words" && BY_WORDS[note.grounding]) || (GROUNDING[note?.grounding] ?? []);
}

function groundingOf(turn) {
  const [name, words] = verdictOf(turn);
  return words
    ? el("p.grounding", { dataset: { grounding: turn.note.grounding } }, icon(name), words)
    : null;
}

function sourcesOf(turn, actions) {
  const seen = new Map();
  for (const each of citedBy(turn)) {
    const key = `${each.n} ${each.citation_id}`;
    if (!seen.has(key)) seen.set(key, each);
  }
  if (!seen.size) return null;
  const list = el("ol.sources", { "aria-label": "Sources" });
  for (const each of [...seen.values()].sort((a, b) => a.n - b.n))
    list.append(sourceItem(each, actions));
  return list;
}

function sourceItem(citation, actions) {
  const button = el(
    "button.source",
    { type: "button", onclick: (event) => actions.open(citation, event.currentTarget) },
    el("span.source-number", { "aria-hidden": "true" }, citation.n),
    el(
      "span.source-body",
      {},
      el(
        "span.source-title",
        {},
        icon(typeIcon(citation.type)),
        el(
          "span",
          {},
          spoken(`Source ${citation.n}: `),
          el("bdi", {}, citation.title),
          citation.file === citation.title ? null : spoken(`, ${citation.file}`),
          where(citation),
          spoken(". "),
        ),
      ),
      citation.quote ? el("span.source-quote", {}, short(citation.quote, QUOTE_CHARS)) : null,
      el(
        "span.source-foot",
        {},
        path(citation),
        el(
          "span.source-support",
          { dataset: { support: citation.support } },
          support(citation.support),
        ),
      ),
    ),
    citation.thumbnail
      ? el("img.source-picture", { src: local(citation.thumbnail), alt: "", loading: "lazy" })
      : null,
  );
  return el("li", {}, button);
}

/** Where the file lies; its name was said with the title already. */
function path({ path: whole }) {
  return el("bdi.source-path", { "aria-hidden": "true", title: seen(whole) }, shownPath(whole, 2));
}

function where(citation) {
  const words = place(citation.locator);
  return words ? [spoken(", "), el("span.source-place", {}, words)] : null;
}

/** An address of the daemon as one of this page's own origin, by whatever name it was reached. */
function local(url) {
  const { pathname, search } = new URL(url, location.origin);
  return pathname + search;
}

function figuresOf(turn) {
  const parts = [];
  if (turn.seconds !== null) parts.push(`${turn.seconds.toFixed(turn.seconds < 10 ? 1 : 0)} s`);
  if (turn.note?.engine === "extractive")
    parts.push("quoted from your files; no text was generated");
  const line = el("p.figures");
  append(line, parts.join(" · "));
  return parts.length ? line : null;
}
