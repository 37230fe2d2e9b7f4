// Short notes in a corner: what was done goes by itself, what failed stays until it is put away.
//
// Roles for tests: in the corner `#toasts` what was done is told in a `status`; what failed is an
// `alert` with a button "Close this message".
import { focusOn } from "./acting.js";
import { el, icon, iconButton } from "./dom.js";
import { count } from "./labels.js";
import { setText } from "./text.js";

const REST_MS = 6_000;
const MOST = 4;
const NARROW = matchMedia("(max-width: 45rem)"); // there they lie over what one is at

/** The corner. */
export class Toasts {
  /**
   * @param {HTMLElement} corner
   * @param {HTMLElement} rest Gets the focus when the last one is put away.
   */
  constructor(corner, rest) {
    this.corner = corner;
    this.rest = rest;
    this.folded = el("p.toast.small", { hidden: true });
    this.failures = el("div");
    // An alert speaks for itself; within a status it would be said twice.
    this.notes = el("div", { role: "status", "aria-live": "polite" });
    corner.append(this.folded, this.failures, this.notes);
    NARROW.addEventListener("change", () => this.arrange());
  }

  /**
   * @param {string} message
   * @param {{error?: boolean}} [options]
   */
  show(message, { error = false } = {}) {
    const list = error ? this.failures : this.notes;
    const same = [...list.children].find((each) => each.textContent === message);
    if (same?.contains(document.activeElement)) return; // who is at it knows it
    same?.remove();
    list.append(error ? this.failure(message) : note(message));
    this.arrange();
  }

  /** Show the latest; what failed before them is kept until there is room. */
  arrange() {
    const most = NARROW.matches ? 1 : MOST;
    while (this.notes.childElementCount > most) this.notes.firstElementChild?.remove();
    const failures = /** @type {HTMLElement[]} */ ([...this.failures.children]);
    failures.forEach((each, at) => {
      each.hidden = at < failures.length - most && !each.contains(document.activeElement);
    });
    const hidden = failures.filter((each) => each.hidden).length;
    this.folded.hidden = !hidden;
    setText(this.folded, hidden ? `${count(hidden, "earlier message")} not put away yet` : "");
  }

  failure(message) {
    const hide = iconButton("close", "Close this message", () => {
      toast.remove();
      this.arrange();
      focusOn(this.failures.querySelector(".toast:not([hidden]) button") ?? this.rest);
    });
    const toast = el(
      "div.toast.error",
      { role: "alert" },
      icon("warning"),
      el("span.grow", {}, message),
      hide,
    );
    return toast;
  }
}

/** It waits for who reads it: the pointer over it keeps it. */
function note(message) {
  const toast = el("div.toast", {}, message);
  const goLater = () => setTimeout(() => toast.remove(), REST_MS);
  let timer = goLater();
  toast.addEventListener("pointerenter", () => clearTimeout(timer));
  toast.addEventListener("pointerleave", () => (timer = goLater()));
  return toast;
}
