// What a search has found.
//
// For tests: the list "Results"; each result is a list item with a button named by its title, its
// file and its place.
import { el, icon, spoken } from "./dom.js";
import { day, fileName, place, seen, short, shownPath, tails, typeIcon } from "./labels.js";

const SNIPPET_CHARS = 320;
const BEFORE_CHARS = 80;
const LEAST_STEM = 4;
const NAME_CHARS = 80; // nobody listens to more of a name
const THUMBNAIL_PX = 192;
const PAGE_DPI = 36;

/** Words of English that stand in nearly every text: marking them would mark nothing. */
const EVERYWHERE = new Set(
  "a an and are as at be by did do does for from had has have how i in is it its me my of on or that the this to was we were what when where which who why will with you your".split(
    " ",
  ),
);

/**
 * The list; the arrows go through it.
 *
 * @param {any[]} results Of `POST /search`.
 * @param {string} query Its words are marked.
 * @param {(result: any, opener: HTMLElement) => void} open
 */
export function resultList(results, query, open) {
  const words = wordsOf(query);
  const list = el("ol.results", { "aria-label": "Results" });
  const tail = tails(results.map(({ metadata }) => metadata.path));
  for (const result of results)
    list.append(item(result, words, tail.get(result.metadata.path), open));
  list.addEventListener("keydown", (event) => event.key.startsWith("Arrow") && step(list, event));
  return list;
}

const OWN_KEYS = "input, textarea, select, [contenteditable], video, audio, #viewer, dialog";

/**
 * j and k go through the results, and the arrow from the end of the box to the first of them.
 *
 * @param {Element} list
 * @param {KeyboardEvent} event
 * @param {HTMLTextAreaElement} box
 * @param {boolean} single Whether keys of one character are wanted.
 */
export function goThrough(list, event, box, single) {
  if (event.target === box) {
    const atEnd = box.selectionStart === box.value.length;
    if (event.key === "ArrowDown" && atEnd) step(list, event);
    return;
  }
  const target = /** @type {Element} */ (event.target);
  const isLetter = event.key === "j" || event.key === "k";
  if (single && isLetter && !target.closest?.(OWN_KEYS)) step(list, event);
}

/** Move the focus by j and k, or by the arrows, from one result to the next. */
function step(list, event) {
  const by = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
  if (!by || event.ctrlKey || event.metaKey || event.altKey) return false;
  const buttons = [...list.querySelectorAll("button.result-title")];
  const next = buttons.indexOf(document.activeElement) + by;
  if (!buttons.length) return false;
  event.preventDefault();
  buttons[Math.max(0, Math.min(buttons.length - 1, next))].focus();
  return true;
}

function item(result, words, file, open) {
  const { metadata: about } = result;
  const where = place(about.locator);
  const title = about.title || fileName(about.path);
  const name = [title, file === title ? "" : short(file, NAME_CHARS), where].filter(Boolean).join(", ");
  return el(
    "li.result",
    {},
    el(
      "div.result-body",
      {},
      el(
        "h2.result-heading",
        {},
        icon(typeIcon(about.source_info.type)),
        el(
          "span.result-name",
          {},
          el(
            "button.result-title",
            {
              type: "button",
              "aria-label": name,
              onclick: (event) => open(result, event.currentTarget),
            },
            title,
          ),
          where ? el("span.result-place", { "aria-hidden": "true" }, where) : null,
        ),
      ),
      el("p.result-text", {}, snippet(about.text, words)),
      el(
        "p.result-foot",
        {},
        el("span.result-path", { title: seen(about.path) }, shownPath(about.path)),
        el("span", {}, day(about.modified_at)),
        el(
          "span.match",
          { title: "How near its meaning is to what you asked" },
          spoken("Similarity "),
          `${Math.round(result.similarity * 100)} % match`,
        ),
      ),
    ),
    thumbnail(about),
  );
}

function thumbnail(about) {
  const page = about.locator.kind === "page" && about.media_type === "application/pdf";
  if (!page && about.source_info.type !== "image") return null;
  const src = page
    ? `/files/${about.file_id}/preview?page=${about.locator.page}&dpi=${PAGE_DPI}`
    : `/files/${about.file_id}/thumbnail?max_px=${THUMBNAIL_PX}`;
  const image = el("img.thumbnail", { src, alt: "", loading: "lazy", decoding: "async" });
  image.addEventListener("error", () => image.remove());
  return image;
}

/** The words of a query without its filters, such as `type:image`. */
function wordsOf(query) {
  const plain = query.replace(/(^|\s)-?\w+:("[^"]*"|\S+)/g, " ").toLowerCase();
  const words = plain.match(/[\p{L}\p{N}]+/gu) ?? [];
  const telling = words.filter((word) => word.length > 1 && !EVERYWHERE.has(word));
  return telling.length ? telling : words;
}

/** A part of a text where the words are, with them marked. */
function snippet(text, words) {
  const flat = text.replace(/\s+/g, " ").trim();
  const found = [...flat.matchAll(/[\p{L}\p{N}]+/gu)].filter((match) =>
    isNear(match[0].toLowerCase(), words),
  );
  const first = found[0]?.index ?? 0;
  const from =
    first > SNIPPET_CHARS - BEFORE_CHARS ? flat.indexOf(" ", first - BEFORE_CHARS) + 1 : 0;
  const to = Math.min(flat.length, from + SNIPPET_CHARS);
  /** @type {(string | HTMLElement)[]} */
  const nodes = [from ? "… " : ""];
  let at = from;
  for (const match of found) {
    if (match.index < at || match.index + match[0].length > to) continue;
    nodes.push(flat.slice(at, match.index), el("mark", {}, match[0]));
    at = match.index + match[0].length;
  }
  nodes.push(flat.slice(at, to), to < flat.length ? " …" : "");
  return nodes;
}

/** Whether a word of a text is one of the query's, or another form of it. */
function isNear(word, words) {
  return words.some((wanted) => {
    if (word === wanted) return true;
    const stem = wanted.slice(0, Math.max(LEAST_STEM, wanted.length - 2));
    return wanted.length > LEAST_STEM && word.startsWith(stem) && word.length <= wanted.length + 3;
  });
}

/** An error of the daemon for a person, who knows neither the names of its fields. */
export function refusal({ message, param, status }, picture) {
  if (param === "image" && status === 404)
    return "The picture that this is to be like is not among your files any more.";
  const front = `${param}: `;
  if (!param || !message.startsWith(front)) return message;
  const rest = message.slice(front.length);
  if (param === "image" && picture) return `${picture.name}: ${rest}`;
  if (param === "query") return `What you search for ${rest}`;
  return rest.charAt(0).toUpperCase() + rest.slice(1);
}
