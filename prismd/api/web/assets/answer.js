// One turn of a conversation: the question, the answer as it comes, and what it rests on.
//
// For tests: each turn is an `article` named by its question; the marks in the text and the list
// "Sources" are buttons named "Source 1: …".
import { append, el, icon, replace, spoken } from "./dom.js";
import { render } from "./markdown.js";
import { place, short, support, typeIcon } from "./labels.js";

const QUOTE_CHARS = 180;
const GROUNDING = {
  supported: ["check", "Your files say so: every sentence has a source."],
  partial: ["info", "Partly from your files: sentences without a number have no source."],
  none: ["info", "Your files do not say: nothing is cited."],
};

/**
 * The element of a turn, brought up to date by `refresh`.
 *
 * @param {import("./conversation.js").Turn} turn
 * @param {{open: (citation: object, opener: HTMLElement) => void, retry: () => void}} actions
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
  return { element, refresh };
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
  return citations.map((each) => ({
    ...each,
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
      title: `${citation.title}${comma(place(citation.locator))} – ${support(citation.support)}`,
      onclick: (event) => actions.open(citation, event.currentTarget),
    },
    number,
  );
}

function named(citation) {
  return `Source ${citation.n}: ${citation.title}${comma(place(citation.locator))}, ${support(citation.support)}`;
}

function comma(text) {
  return text ? `, ${text}` : "";
}

function afterText(turn, actions) {
  if (turn.state === "streaming") return [];
  if (turn.state === "failed") return failure(turn, actions);
  if (turn.state === "stopped") {
    return el(
      "p.grounding",
      {},
      icon("stop"),
      "Stopped. What was written until then has not been checked.",
    );
  }
  const parts = [groundingOf(turn), warningsOf(turn), sourcesOf(turn, actions), figuresOf(turn)];
  return parts;
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

function groundingOf(turn) {
  const [name, words] = GROUNDING[turn.note?.grounding] ?? [];
  return words
    ? el("p.grounding", { dataset: { grounding: turn.note.grounding } }, icon(name), words)
    : null;
}

function warningsOf(turn) {
  return (turn.note?.warnings ?? []).map((text) =>
    el("p.note.small", {}, icon("info"), el("span", {}, text)),
  );
}

function sourcesOf(turn, actions) {
  const seen = new Map();
  for (const each of turn.note?.citations ?? []) {
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
        spoken(`Source ${citation.n}: `),
        el("bdi", {}, citation.title),
        where(citation),
        spoken(". "),
      ),
      citation.quote ? el("span.source-quote", {}, short(citation.quote, QUOTE_CHARS)) : null,
      el(
        "span.source-support",
        { dataset: { support: citation.support } },
        support(citation.support),
      ),
    ),
    citation.thumbnail
      ? el("img.source-picture", { src: local(citation.thumbnail), alt: "", loading: "lazy" })
      : null,
  );
  return el("li", {}, button);
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
