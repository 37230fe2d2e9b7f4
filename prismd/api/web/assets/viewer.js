// What is cited, or was found, at its place: beside the answer, or above it on a narrow window.
//
// For tests: a region (on a narrow window a dialog) named by the document's title; the marked
// places on a page or picture are `[data-place-box]`, the marked words of lines are `mark`.
import { get } from "./api.js";
import { el, icon, iconButton, replace } from "./dom.js";
import { showLines } from "./viewer/lines.js";
import { showPages } from "./viewer/pages.js";
import { showRecording } from "./viewer/recording.js";
import { fileName, place as inWords } from "./labels.js";

/**
 * A place in a document, however it came to be shown.
 *
 * @typedef {object} Place
 * @property {string} title
 * @property {string} path
 * @property {string} sha256
 * @property {string} quote Empty where nothing is quoted.
 * @property {Object<string, any> | null} locator
 * @property {number} start Where the quote begins in the document's text, in code points.
 * @property {number} end
 * @property {string} citationId Empty where it is no citation.
 * @property {string} standing `same`, `changed`, `gone`.
 * @property {Object<string, any> | null} document As `GET /documents/{sha256}` describes it.
 */

const NARROW = matchMedia("(max-width: 70rem)");
const NOTES = {
  changed:
    "This file has changed since it was cited. The quote is from the version that was cited.",
  gone: "The file that was cited is not there any more. The quote was kept.",
};
const SHOWN = { page: showPages, image: showPages, time: showRecording, text: showLines };

/** The panel; there is one, and it shows one place at a time. */
export class Viewer {
  /**
   * @param {HTMLElement} panel
   * @param {HTMLElement} behind What cannot be used while the panel covers it.
   * @param {(text: string) => void} announce
   */
  constructor(panel, behind, announce) {
    this.panel = panel;
    this.behind = behind;
    this.announce = announce;
    this.end = () => {};
    this.opener = null;
    NARROW.addEventListener("change", () => this.fit());
    panel.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.defaultPrevented) return;
      event.preventDefault();
      this.close();
    });
  }

  /** Whether something is shown. */
  get isOpen() {
    return !this.panel.hidden;
  }

  /**
   * Show a place.
   *
   * @param {{citation?: string, hit?: object, file?: object}} target A citation's id, a result of
   *   `POST /search`, or an item of `GET /files`.
   * @param {HTMLElement | null} [opener] Gets the focus back.
   */
  async open(target, opener = null) {
    const turn = (this.turn = {});
    this.clear();
    this.opener = opener;
    this.panel.hidden = false;
    document.body.dataset.viewer = "open";
    this.fit();
    this.frame(
      el("p.thinking", {}, el("span.pulse", { "aria-hidden": "true" }), "Opening…"),
      "Opening…",
    );
    this.panel.querySelector(".viewer-close").focus({ preventScroll: true });
    try {
      const place = await placeOf(target);
      if (turn === this.turn) this.show(place);
    } catch (error) {
      if (turn === this.turn) this.failed(error);
    }
  }

  /** Hide it; the focus goes back to what opened it. */
  close() {
    if (!this.isOpen) return;
    this.turn = null;
    this.clear();
    this.panel.hidden = true;
    delete document.body.dataset.viewer;
    this.fit();
    if (this.opener?.isConnected) this.opener.focus({ preventScroll: true });
    this.opener = null;
  }

  clear() {
    this.end();
    this.end = () => {};
    replace(this.panel);
  }

  /** A panel beside the page, or a dialog above it. */
  fit() {
    const covers = this.isOpen && NARROW.matches;
    this.panel.setAttribute("role", covers ? "dialog" : "region");
    if (covers) this.panel.setAttribute("aria-modal", "true");
    else this.panel.removeAttribute("aria-modal");
    this.behind.inert = covers;
  }

  frame(body, title, path = "") {
    replace(
      this.panel,
      el(
        "header.viewer-head",
        {},
        el(
          "div.viewer-titles",
          {},
          el("h2.viewer-title", { id: "viewer-title", title }, title),
          path ? el("p.viewer-path", { title: path }, path) : null,
        ),
        iconButton("close", "Close (Esc)", () => this.close(), {
          class: "icon-button viewer-close",
        }),
      ),
      el("div.viewer-body", {}, body),
    );
  }

  /** @param {Place} place */
  show(place) {
    const stage = el("div.viewer-stage");
    this.panel.dataset.cited = String(Boolean(place.quote));
    this.frame(
      [noteOf(place), quoteOf(place), stage, this.links(place)],
      place.title || fileName(place.path),
      pathOf(place),
    );
    const close = this.panel.querySelector(".viewer-close");
    if (!this.panel.contains(document.activeElement)) close.focus({ preventScroll: true });
    const known = place.document;
    if (!known) return;
    const pictured = known.kind === "page" || known.kind === "image";
    const shown = pictured && !known.file_id ? showLines : SHOWN[known.kind];
    this.end = shown(stage, place, this.announce) ?? (() => {});
    this.announce(`Opened ${place.title || fileName(place.path)} ${inWords(place.locator)}`);
  }

  failed(error) {
    this.frame(
      el("div.note.error", { role: "alert" }, icon("warning"), el("p", {}, error.message)),
      "This cannot be shown",
    );
    this.panel.querySelector(".viewer-close").focus({ preventScroll: true });
  }

  links(place) {
    const id = place.document?.file_id;
    const words = [place.quote && `“${place.quote}”`, whereabouts(place)]
      .filter(Boolean)
      .join("\n");
    const copy = async () => {
      // A browser may not let a page of another name than this computer's write there.
      const done = await navigator.clipboard?.writeText(words).then(
        () => true,
        () => false,
      );
      copied.textContent = done ? "Copied" : "This browser does not let a page copy";
      this.announce(copied.textContent);
    };
    const copied = el("span", {}, place.quote ? "Copy quote and path" : "Copy path");
    return el(
      "p.viewer-links",
      {},
      place.citationId ? link(`/c/${place.citationId}`, "open", "Open in a tab of its own") : null,
      id ? link(`/files/${id}/content`, "download", "The whole file") : null,
      el("button.quiet", { type: "button", onclick: copy }, icon("copy"), copied),
    );
  }
}

function link(href, name, label) {
  return el("a.button.quiet", { href, target: "_blank", rel: "noopener" }, icon(name), label);
}

function noteOf(place) {
  const words = NOTES[place.standing];
  return words
    ? el("p.note.small", { role: "note" }, icon("warning"), el("span", {}, words))
    : null;
}

function quoteOf(place) {
  if (!place.quote) return null;
  const kind = place.locator?.kind ?? "";
  return el("blockquote.viewer-quote", { dataset: { kind } }, place.quote);
}

function pathOf(place) {
  return whereabouts(place);
}

function whereabouts(place) {
  const words = inWords(place.locator);
  const path = place.document?.path ?? place.path;
  return words ? `${path}, ${words}` : path;
}

/** @returns {Promise<Place>} */
function placeOf(target) {
  if (target.citation) return ofCitation(target.citation);
  return target.hit ? ofHit(target.hit) : ofFile(target.file);
}

async function ofCitation(id) {
  const found = await get(`/citations/${encodeURIComponent(id)}`);
  return { ...found, citationId: found.citation_id, start: found.char_start, end: found.char_end };
}

async function ofHit({ chunk_id: id, metadata: about }) {
  const [passage, document] = await Promise.all([
    get(`/passages/${id}`, { params: { around: 0 } }),
    get(`/documents/${about.sha256}`),
  ]);
  const { title, path, sha256, locator } = about;
  const { char_start: start, char_end: end } = passage;
  return {
    title,
    path,
    sha256,
    locator,
    start,
    end,
    quote: "",
    citationId: "",
    standing: document.standing,
    document,
  };
}

async function ofFile(file) {
  if (!file.sha256) throw new Error(file.error?.message ?? "This file has not been read yet.");
  const document = await get(`/documents/${file.sha256}`).catch((error) => {
    throw file.error ? new Error(file.error.message) : error;
  });
  const { title, path, sha256 } = file;
  return {
    title: title || fileName(path),
    path,
    sha256,
    locator: null,
    start: 0,
    end: 0,
    quote: "",
    citationId: "",
    standing: document.standing,
    document,
  };
}
