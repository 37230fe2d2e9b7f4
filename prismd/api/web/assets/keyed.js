// A list that follows what the daemon says without being built anew: what has not changed stays,
// with the focus, a selection in it and its place in the window.

const FOCUSABLE = "a[href], button, input, select, summary";

/**
 * The children of an element, one for each item.
 *
 * @template T
 */
export class Keyed {
  /**
   * @param {Element} element Holds nothing else.
   * @param {(item: T) => HTMLElement} build
   * @param {{key: (item: T) => string, leave: () => HTMLElement}} options `key` tells one item from
   *   another; `leave` is where the focus goes when the last item goes that had it.
   */
  constructor(element, build, { key, leave }) {
    this.element = element;
    this.build = build;
    this.key = key;
    this.leave = leave;
    /** @type {Map<string, {element: HTMLElement, said: string}>} */
    this.rows = new Map();
  }

  get size() {
    return this.rows.size;
  }

  /** @param {T[]} items All there are, in their order. */
  show(items) {
    const wanted = new Set(items.map((item) => this.key(item)));
    for (const key of [...this.rows.keys()]) if (!wanted.has(key)) this.remove(key);
    this.append(items);
    items.forEach((item, at) => {
      const element = this.rows.get(this.key(item))?.element;
      if (!element) return;
      // One that stands right is not moved: that would take the focus from it.
      const there = this.element.children[at] ?? null;
      if (there !== element) this.element.insertBefore(element, there);
    });
  }

  /** Items behind those that are there; of one that is there already, what is said now. */
  append(items) {
    for (const item of items) {
      const [key, said] = [this.key(item), JSON.stringify(item)];
      const before = this.rows.get(key);
      if (before?.said === said) continue;
      const element = this.build(item);
      if (before) takePlace(before.element, element);
      else this.element.append(element);
      this.rows.set(key, { element, said });
    }
  }

  /** The focus goes to what stands beside it. */
  remove(key) {
    const element = this.rows.get(key)?.element;
    if (!element) return;
    const focused = element.contains(document.activeElement);
    const beside = element.nextElementSibling ?? element.previousElementSibling;
    element.remove();
    this.rows.delete(key);
    if (focused) focusable(beside, this.leave()).focus({ preventScroll: true });
  }

  /** What there is for an item now, by its key. */
  of(key) {
    return this.rows.get(key)?.element;
  }

  /** The first thing in an item that can have the focus. */
  first(at) {
    return focusable(this.element.children[at], null);
  }
}

/** Put an element where another was; the same of its buttons has the focus. */
function takePlace(before, after) {
  const at = [...before.querySelectorAll(FOCUSABLE)].indexOf(document.activeElement);
  before.replaceWith(after);
  if (at < 0) return;
  const buttons = [...after.querySelectorAll(FOCUSABLE)];
  (buttons[at] ?? buttons[0])?.focus({ preventScroll: true });
}

/**
 * @template T
 * @param {Element | null | undefined} element
 * @param {T} instead
 * @returns {HTMLElement | T} What in an element takes the focus.
 */
function focusable(element, instead) {
  return /** @type {HTMLElement | null | undefined} */ (element?.querySelector(FOCUSABLE)) ?? instead;
}
