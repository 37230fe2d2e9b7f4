// The lines of a text around a place, with their numbers; more of them on demand.
import { focusOn } from "../acting.js";
import { get, isAborted } from "../api.js";
import { el, icon } from "../dom.js";
import { failure } from "../failure.js";
import { count } from "../labels.js";
import { inWords } from "./place.js";

const STEP = 40;

/**
 * @param {HTMLElement} stage
 * @param {import("./place.js").Place} place
 * @param {(text: string) => void} announce
 * @returns {import("../viewer.js").Shown}
 */
export function showLines(stage, place, announce) {
  const list = el("ol.lines", { "aria-label": "Lines" });
  const pager = new LinePager(place, list, lineItem, announce);
  stage.append(el("div.lines-box", {}, pager.parts));
  pager.begin();
  return { end: () => pager.end(), retry: () => pager.retry() };
}

/** Loads lines into a list, before and after those that are there. */
export class LinePager {
  /**
   * @param {import("./place.js").Place} place
   * @param {HTMLElement} list
   * @param {(line: Object<string, any>) => HTMLElement} itemOf
   * @param {(text: string) => void} announce
   * @param {{page?: number | null, step?: number}} [more] `page`: its lines alone.
   */
  constructor(place, list, itemOf, announce, { page = null, step = STEP } = {}) {
    this.place = place;
    this.list = list;
    this.itemOf = itemOf;
    this.announce = announce;
    this.page = page;
    this.step = step;
    this.first = 1;
    this.last = 0;
    this.wanted = null;
    this.aborting = new AbortController();
    this.before = moreButton("up", "Lines before", () => this.above());
    this.after = moreButton("down", "Lines after", () => this.below());
    this.problem = failure(() => this.retry(), { leave: () => this.list, covering: true });
  }

  /** What it is made of, in order. */
  get parts() {
    return [this.before, this.list, this.after, this.problem.element];
  }

  end() {
    this.aborting.abort();
  }

  /** Load the place, or the beginning where there is none. */
  begin() {
    const marks = this.place.end > this.place.start && this.page === null;
    return this.load({ from: marks ? null : 1, limit: this.step, above: false });
  }

  above() {
    const from = Math.max(1, this.first - this.step);
    return this.more(this.before, { from, limit: this.first - from, above: true });
  }

  below() {
    return this.more(this.after, { from: this.last + 1, limit: this.step, above: false });
  }

  /** Load what failed once more. */
  retry() {
    if (this.wanted) this.more(this.problem.element, this.wanted);
  }

  /** Load for a button; the focus stays on it, or goes to the new lines when it goes. */
  async more(button, wanted) {
    if (this.list.getAttribute("aria-busy") === "true") return;
    const held = button.contains(document.activeElement);
    const items = await this.load(wanted);
    if (!items.length) return;
    this.announce(count(items.length, "more line"));
    if (held && !button.checkVisibility()) focusOn(wanted.above ? items.at(-1) : items[0]);
  }

  /** @returns {Promise<HTMLElement[]>} The new lines, in order; none where it failed. */
  async load(wanted) {
    const { from, limit } = wanted;
    const { sha256, start, end } = this.place;
    const params = { first: from, limit, start, end, page: this.page };
    this.list.setAttribute("aria-busy", "true");
    try {
      const { signal } = this.aborting;
      return this.put(await get(`/documents/${sha256}/lines`, { params, signal }), wanted);
    } catch (error) {
      if (!isAborted(error)) this.fail(error, wanted);
      return [];
    } finally {
      this.list.removeAttribute("aria-busy");
    }
  }

  put(found, { from, above }) {
    this.wanted = null;
    this.problem.clear();
    const items = found.data.map(this.itemOf);
    if (found.data.length) {
      const [first, last] = [found.data[0].number, found.data.at(-1).number];
      this.first = this.last ? Math.min(this.first, first) : first;
      this.last = Math.max(this.last, last);
    }
    if (above) this.list.prepend(...items);
    else this.list.append(...items);
    this.before.hidden = this.first <= 1;
    this.after.hidden = this.last >= found.total;
    if (from === null) this.list.querySelector("mark")?.scrollIntoView({ block: "center" });
    return items;
  }

  fail(error, wanted) {
    this.wanted = wanted;
    this.problem.tell(error, inWords(error));
  }
}

function moreButton(name, label, load) {
  return el(
    "button.quiet.more",
    { type: "button", hidden: true, onclick: load },
    icon(name),
    label,
  );
}

function lineItem(line) {
  return el(
    "li.line",
    { value: line.number, dataset: { number: line.number } },
    el(
      "span.line-text",
      {},
      line.before,
      line.marked ? el("mark", {}, line.marked) : null,
      line.after,
    ),
  );
}
