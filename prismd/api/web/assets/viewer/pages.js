// A page of a PDF, or a picture, with the places laid over it: exact at any size.
import { check } from "../api.js";
import { allow, el, iconButton, replace } from "../dom.js";
import { failure } from "../failure.js";
import { LinePager } from "./lines.js";
import { inWords } from "./place.js";

const ZOOMS = [1, 1.5, 2, 3];
const DPI = [110, 150, 200, 280];
const MOST_DPI = 300;
const SHARP = 1.5; // device pixels for each of CSS, from which on a page is drawn finer
const LINES_AT_ONCE = 500;
const MARGIN_PX = 24;

/**
 * @param {HTMLElement} stage
 * @param {import("./place.js").Place} place
 * @param {(text: string) => void} announce
 * @returns {import("../viewer.js").Shown}
 */
export function showPages(stage, place, announce) {
  const pages = new Pages(place, announce);
  stage.append(...pages.parts);
  pages.draw();
  return { end: () => pages.end(), retry: () => pages.retry() };
}

class Pages {
  image = el("img.page-image", {
    decoding: "async",
    onload: () => this.drawn(),
    onerror: () => this.failed(),
  });
  sheet = el("div.page-sheet", {}, this.image);
  scroller = el(
    "div.page-scroller",
    { tabindex: "0", role: "group", "aria-label": "Page, scrollable" },
    this.sheet,
  );
  problem = failure(() => this.again(), { leave: () => this.scroller, covering: true });
  summary = el("summary");
  words = el(
    "details.page-words",
    { ontoggle: () => this.words.open && this.tell() },
    this.summary,
  );
  back = iconButton("back", "Page before", () => this.turn(-1));
  number = el("span.page-number");
  forward = iconButton("forward", "Next page", () => this.turn(1));
  smaller = iconButton("minus", "Smaller", () => this.enlarge(-1));
  larger = iconButton("plus", "Larger", () => this.enlarge(1));
  /** @type {LinePager | null} */
  lines = null;
  zoom = 0;

  constructor(place, announce) {
    this.place = place;
    this.announce = announce;
    this.known = place.document;
    this.cited = place.locator?.page ?? 1;
    this.page = this.cited;
    replace(
      this.summary,
      this.known.kind === "image" ? "Text in the picture" : "Text of this page",
    );
  }

  get parts() {
    const tools = el(
      "div.viewer-tools",
      { role: "group", "aria-label": "Page and size" },
      this.known.pages > 1 ? [this.back, this.number, this.forward] : [],
      el("span.spread"),
      this.smaller,
      this.larger,
    );
    return [tools, this.scroller, this.problem.element, this.words];
  }

  turn(by) {
    const page = this.page + by;
    if (page < 1 || page > this.known.pages) return;
    this.page = page;
    this.draw();
    this.announce(`Page ${page} of ${this.known.pages}`);
  }

  enlarge(by) {
    const zoom = this.zoom + by;
    if (!(zoom in ZOOMS)) return;
    this.zoom = zoom;
    this.sheet.style.setProperty("width", `${ZOOMS[zoom] * 100}%`);
    this.draw();
    this.announce(`${ZOOMS[zoom] * 100} %`);
    requestAnimationFrame(() => toPlace(this.scroller, this.sheet));
  }

  draw() {
    const own = this.page === this.cited;
    this.image.alt = describe(this.place, this.page, own);
    this.image.src = this.address();
    shape(this.sheet, own ? this.place.locator : null);
    replace(this.number, `${this.page} of ${this.known.pages}`);
    for (const box of this.sheet.querySelectorAll(".place-box")) box.remove();
    if (own) this.sheet.append(...boxesOf(this.place));
    // Not disabled: that would take the focus away from who goes on to the last one.
    allow(this.back, this.page > 1);
    allow(this.forward, this.page < this.known.pages);
    allow(this.smaller, this.zoom > 0);
    allow(this.larger, this.zoom < ZOOMS.length - 1);
    this.forget();
    if (this.words.open) this.tell();
  }

  address() {
    const dpi = DPI[this.zoom];
    const fine = devicePixelRatio >= SHARP ? Math.min(MOST_DPI, Math.round(dpi * 1.5)) : dpi;
    return `/files/${this.known.file_id}/preview?page=${this.page}&dpi=${fine}`;
  }

  drawn() {
    this.problem.clear();
    if (this.page === this.cited) toPlace(this.scroller, this.sheet);
  }

  /** A picture tells nothing of why it is not there: the server is asked for its words. */
  async failed() {
    const address = this.image.getAttribute("src");
    if (!address) return;
    const why = await check(address).then(
      () => new Error("The page could not be drawn."),
      (error) => error,
    );
    if (this.image.getAttribute("src") === address) this.problem.tell(why, inWords(why));
  }

  again() {
    this.image.src = this.address();
  }

  /** Load what failed once more. */
  retry() {
    this.problem.retry();
    this.lines?.retry();
  }

  /** Show the words of the page that is shown. */
  tell() {
    if (this.lines) return;
    const list = el("div", { role: "group", "aria-label": `Text of page ${this.page}` });
    this.lines = new LinePager(this.place, list, paragraph, this.announce, {
      page: this.known.kind === "image" ? null : this.page,
      step: LINES_AT_ONCE,
    });
    this.words.append(...this.lines.parts);
    this.lines.begin();
  }

  /** Take away the words that are shown: they are of another page, also those on their way. */
  forget() {
    this.lines?.end();
    this.lines = null;
    replace(this.words, this.summary);
  }

  end() {
    this.lines?.end();
    this.image.removeAttribute("src");
  }
}

function paragraph(line) {
  return el("p", {}, line.before, line.marked ? el("mark", {}, line.marked) : null, line.after);
}

function describe(place, page, own) {
  const what =
    place.document.kind === "image" ? "The picture" : `Page ${page} of ${place.document.pages}`;
  return `${what} of ${place.title}${own && boxesGiven(place).length ? ", the place marked" : ""}`;
}

/** Keep the room of a page whose size is known, so that nothing jumps when it comes. */
function shape(sheet, locator) {
  const [width, height] = extent(locator);
  if (width) sheet.style.setProperty("aspect-ratio", `${width} / ${height}`);
  else sheet.style.removeProperty("aspect-ratio");
}

function extent(locator) {
  if (!locator) return [0, 0];
  return locator.kind === "page"
    ? [locator.width_pt, locator.height_pt]
    : [locator.width_px, locator.height_px];
}

function boxesGiven(place) {
  // A picture that is cited as such is shown as it is.
  const whole = place.start === place.end;
  return whole ? [] : (place.locator?.boxes ?? []);
}

function boxesOf(place) {
  const [width, height] = extent(place.locator);
  return boxesGiven(place).map(([x0, y0, x1, y1]) =>
    el("div.place-box", {
      "data-place-box": true,
      style: {
        left: `${(x0 / width) * 100}%`,
        top: `${(y0 / height) * 100}%`,
        width: `${((x1 - x0) / width) * 100}%`,
        height: `${((y1 - y0) / height) * 100}%`,
      },
    }),
  );
}

/** Scroll so that the first marked place is in the middle of what is seen. */
function toPlace(scroller, sheet) {
  const box = sheet.querySelector(".place-box");
  if (!box) return;
  scroller.scrollTop = box.offsetTop - scroller.clientHeight / 2 + box.offsetHeight / 2;
  // A line that is wider than what is seen is shown from where it begins.
  const spare = Math.max(MARGIN_PX, (scroller.clientWidth - box.offsetWidth) / 2);
  scroller.scrollLeft = box.offsetLeft - spare;
}
