// What is cited, or was found, at its place: beside the answer, or above it on a narrow window.
//
// For tests: a region (on a narrow window a dialog) named by the document's title; the marked
// places on a page or picture are `[data-place-box]`, the marked words of lines are `mark`.
import { copy } from "./acting.js";
import { el, icon, iconButton, replace } from "./dom.js";
import { failure } from "./failure.js";
import { showLines } from "./viewer/lines.js";
import { showPages } from "./viewer/pages.js";
import { inWords, placeOf } from "./viewer/place.js";
import { showRecording } from "./viewer/recording.js";
import { Step } from "./viewer/step.js";
import { fileName, place as whereInWords, seen } from "./labels.js";

/**
 * What shows something: a view, or a place within the panel.
 *
 * @typedef {object} Shown
 * @property {() => void} end Ends whatever it began.
 * @property {() => void} retry Tries once more what failed, and leaves all else as it is.
 */

const NARROW = matchMedia("(max-width: 70rem)");
const SHOWN = { page: showPages, image: showPages, time: showRecording, text: showLines };

/** The panel; there is one, and it shows one place at a time. */
export class Viewer {
  /**
   * @param {HTMLElement} panel
   * @param {object} page
   * @param {HTMLElement[]} page.behind What cannot be used while the panel covers it.
   * @param {(text: string) => void} page.announce
   * @param {import("./app.js").Context["toast"]} page.toast
   * @param {HTMLElement} page.rest Gets the focus where what opened it is gone.
   * @param {() => void} page.searchAgain Finds anew what the address asks for.
   */
  constructor(panel, { behind, announce, toast, rest, searchAgain }) {
    this.panel = panel;
    this.behind = behind;
    this.announce = announce;
    this.toast = toast;
    this.rest = rest;
    this.searchAgain = searchAgain;
    /** @type {Shown | null} */
    this.shown = null;
    /** @type {{target: import("./viewer/place.js").Target, opener: HTMLElement | null} | null} */
    this.asked = null;
    this.failing = false;
    this.step = new Step({ close: () => this.close(), reopen: () => this.reopen() });
    NARROW.addEventListener("change", () => this.fit());
    panel.addEventListener("keydown", (event) => this.key(event));
  }

  /** Whether something is shown. */
  get isOpen() {
    return !this.panel.hidden;
  }

  /**
   * Show a place.
   *
   * @param {import("./viewer/place.js").Target} target
   * @param {HTMLElement | null} [opener] Gets the focus back.
   */
  async open(target, opener = null) {
    this.asked = { target, opener };
    this.panel.hidden = false;
    document.body.dataset.viewer = "open";
    this.fit();
    await this.load(true);
  }

  /**
   * Load what was asked for.
   *
   * @param {boolean} held Whether the focus is to be in the panel.
   */
  async load(held) {
    const { asked } = this;
    if (!asked) return;
    this.clear();
    this.frame(
      el("p.thinking", {}, el("span.pulse", { "aria-hidden": "true" }), "Opening…"),
      "Opening…",
    );
    if (held) this.focus();
    try {
      const place = await placeOf(asked.target);
      if (this.isOpen && asked === this.asked) this.show(place);
    } catch (error) {
      if (this.isOpen && asked === this.asked) this.failed(error);
    }
  }

  /**
   * Hide it; if it has the focus, that goes back to what opened it.
   *
   * @returns {Promise<void>} Until the browser's history has gone back as well.
   */
  close() {
    if (!this.isOpen) return Promise.resolve();
    // Who is at something else, such as a question half written, stays there.
    const { activeElement: at, body } = document;
    const held = at === body || this.panel.contains(at);
    this.clear();
    this.panel.hidden = true;
    delete document.body.dataset.viewer;
    this.fit();
    const opener = this.asked?.opener;
    if (held) (opener?.isConnected ? opener : this.rest).focus({ preventScroll: true });
    return this.step.leave();
  }

  /** Try once more what failed. */
  retry() {
    if (!this.isOpen) return;
    if (this.failing) this.load(this.panel.contains(document.activeElement));
    else this.shown?.retry();
  }

  reopen() {
    if (this.asked) this.open(this.asked.target, this.asked.opener);
  }

  clear() {
    this.failing = false;
    this.shown?.end();
    this.shown = null;
    replace(this.panel);
  }

  focus() {
    const close = this.panel.querySelector("button.viewer-close");
    if (close instanceof HTMLElement) close.focus({ preventScroll: true });
  }

  key(event) {
    if (event.key === "Escape" && !event.defaultPrevented) {
      event.preventDefault();
      this.close();
    } else if (event.key === "j" || event.key === "k") event.stopPropagation(); // of the results
  }

  /** A panel beside the page, or a dialog above it. */
  fit() {
    const covers = this.isOpen && NARROW.matches;
    this.panel.setAttribute("role", covers ? "dialog" : "region");
    if (covers) this.panel.setAttribute("aria-modal", "true");
    else this.panel.removeAttribute("aria-modal");
    for (const element of this.behind) element.inert = covers;
    if (covers) this.step.take();
    else if (this.isOpen) this.step.leave();
  }

  frame(body, title, path = "") {
    replace(
      this.panel,
      el(
        "div.viewer-head",
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

  /** @param {import("./viewer/place.js").Place} place */
  show(place) {
    const stage = el("div.viewer-stage");
    this.panel.dataset.cited = String(Boolean(place.quote));
    const held = this.panel.contains(document.activeElement);
    this.frame(
      [this.noteOf(place), quoteOf(place), stage, this.links(place)],
      place.title || fileName(place.path),
      seen(whereabouts(place)), // what is copied is the path itself
    );
    if (held) this.focus();
    const known = place.document;
    if (known) {
      const pictured = known.kind === "page" || known.kind === "image";
      const shown = pictured && !known.file_id ? showLines : SHOWN[known.kind];
      this.shown = shown(stage, place, this.announce);
    }
    const told = [`Opened ${place.title || fileName(place.path)}`, whereInWords(place.locator)];
    this.announce([...told, place.note].filter(Boolean).join(". "));
  }

  failed(error) {
    this.failing = true;
    const isAway = error.unreachable || error.code === "signed_out";
    const trouble = failure(isAway ? () => this.reopen() : null, { covering: true });
    trouble.tell(error, inWords(error));
    const held = this.panel.contains(document.activeElement);
    this.frame(
      [
        trouble.element,
        el("div.buttons", {}, isAway ? null : this.searchButton()),
      ],
      "This cannot be shown",
    );
    if (held) this.focus();
  }

  /** What is known of the file; where what was found is gone, a way to find it anew. */
  noteOf({ note, outdated }) {
    if (!note) return null;
    return el(
      "div.note.small",
      { role: "note" },
      icon("warning"),
      el("p.grow", {}, note),
      outdated ? this.searchButton() : null,
    );
  }

  /** A button that searches anew; nothing where no search has led here. */
  searchButton() {
    if (!this.asked?.target.hit) return null;
    const search = async () => {
      await this.close();
      this.searchAgain();
    };
    return el("button", { type: "button", onclick: search }, icon("search"), "Search again");
  }

  links(place) {
    const id = place.document?.file_id;
    const words = [place.quote && `“${place.quote}”`, whereabouts(place)]
      .filter(Boolean)
      .join("\n");
    const what = place.quote ? "Quote and path" : "Path";
    const button = el("button.quiet", { type: "button" }, icon("copy"), `Copy ${what.toLowerCase()}`);
    button.addEventListener("click", () => copy(this, words, what));
    return el(
      "div.viewer-links",
      {},
      place.citationId ? link(`/c/${place.citationId}`, "open", "Open in a tab of its own") : null,
      id ? link(`/files/${id}/content`, "download", "The whole file") : null,
      button,
    );
  }
}

function link(href, name, label) {
  return el("a.button.quiet", { href, target: "_blank", rel: "noopener" }, icon(name), label);
}

function quoteOf(place) {
  if (!place.quote) return null;
  const kind = place.locator?.kind ?? "";
  return el("blockquote.viewer-quote", { dataset: { kind } }, place.quote);
}

function whereabouts(place) {
  const words = whereInWords(place.locator);
  const path = place.document?.path ?? place.path;
  return words ? `${path}, ${words}` : path;
}
