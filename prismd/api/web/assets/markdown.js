// The little Markdown that answers have, as nodes: paragraphs, lists, headings, code, emphasis.
//
// Every piece of text knows where it stands in the answer, so that citations find their sentence.
import { el } from "./dom.js";

const FENCE = /^\s*```/;
const ITEM = /^(\s*)(?:[-*+•]|(\d{1,4})[.)])\s+/;
const HEADING = /^#{1,6}\s+/;
const INLINE = /`([^`\n]+)`|\*\*([^*\n]+)\*\*|\[(\d{1,3})\]|\\([[\]!*`_#])/g;

/**
 * @typedef {object} Shown What to make of the pieces.
 * @property {(text: string, at: number) => Node | Node[]} text
 * @property {(number: number, at: number) => Node} mark A citation mark `[n]`.
 */

/**
 * An answer as nodes.
 *
 * @param {string} source
 * @param {Shown} shown
 * @returns {Node[]}
 */
export function render(source, shown) {
  return blocks(source).map((block) => BLOCKS[block.kind](block, shown));
}

const BLOCKS = {
  code: (block) =>
    el("pre", { tabindex: "0" }, el("code", {}, block.lines.map((line) => line.text).join("\n"))),
  heading: (block, shown) => el("h3", {}, inline(block.lines[0], shown)),
  paragraph: (block, shown) => el("p", {}, lines(block.lines, shown)),
  ul: (block, shown) =>
    el(
      "ul",
      {},
      block.lines.map((line) => el("li", {}, inline(line, shown))),
    ),
  ol: (block, shown) =>
    el(
      "ol",
      { start: block.start },
      block.lines.map((line) => el("li", {}, inline(line, shown))),
    ),
};

function lines(all, shown) {
  return all.flatMap((line, index) =>
    index ? [el("br"), inline(line, shown)] : inline(line, shown),
  );
}

/** Lines gathered into blocks; each line with where its text begins. */
function blocks(source) {
  const found = [];
  let at = 0;
  /** @type {Object<string, any> | null} */
  let open = null;
  let fenced = false;
  for (const raw of source.split("\n")) {
    const line = { text: raw, at };
    at += raw.length + 1;
    if (FENCE.test(raw)) {
      fenced = !fenced;
      open = null;
      if (fenced) found.push((open = { kind: "code", lines: [] }));
    } else if (fenced) open?.lines.push(line);
    else open = gather(found, open, line);
  }
  return found;
}

function gather(found, open, line) {
  if (!line.text.trim()) return null;
  const item = ITEM.exec(line.text);
  const heading = item ? null : HEADING.exec(line.text);
  const kind = item ? (item[2] ? "ol" : "ul") : heading ? "heading" : "paragraph";
  const own = cut(line, (item ?? heading)?.[0].length ?? 0);
  if (open?.kind === kind && kind !== "heading") {
    open.lines.push(own);
    return open;
  }
  const block = { kind, lines: [own], start: item?.[2] ? Number(item[2]) : null };
  found.push(block);
  return block;
}

function cut(line, length) {
  return { text: line.text.slice(length), at: line.at + length };
}

function inline({ text, at }, shown) {
  const nodes = [];
  let done = 0;
  const plain = (to) => {
    if (to > done) nodes.push(shown.text(text.slice(done, to), at + done));
  };
  for (const match of text.matchAll(INLINE)) {
    plain(match.index);
    done = match.index + match[0].length;
    const [, code, bold, number, escaped] = match;
    if (code) nodes.push(el("code", {}, code));
    else if (bold) nodes.push(el("strong", {}, shown.text(bold, at + match.index + 2)));
    else if (number) nodes.push(shown.mark(Number(number), at + match.index));
    else nodes.push(shown.text(escaped, at + match.index + 1));
  }
  plain(text.length);
  return nodes.flat();
}
