// What failed, said where its outcome would stand, for as long as it holds.
//
// Roles for tests: an alert with the server's words, and a button "Try again" where that may help.
import { focusOn } from "./acting.js";
import { isAborted } from "./api.js";
import { el, icon } from "./dom.js";
import { setText } from "./text.js";

/**
 * @typedef {object} Failure
 * @property {HTMLElement} element Hidden while nothing has to be said.
 * @property {(error: Error, words?: string) => void} tell `words` in place of the error's own.
 * @property {() => void} clear It did not fail any more.
 * @property {() => void} retry Does what "Try again" does, where something has failed.
 * @property {() => boolean} holds Whether something has failed, be it said here or by the banner.
 */

/**
 * @param {(() => void) | null} [again] What "Try again" does; without it there is no such button.
 * @param {object} [place]
 * @param {() => HTMLElement | null} [place.leave] Where the focus goes with the button.
 * @param {boolean} [place.covering] Whether it lies over the banner, and has to say itself what
 *   that says.
 * @returns {Failure}
 */
export function failure(again = null, { leave = heading, covering = false } = {}) {
  const words = el("span.grow");
  const button = again && el("button", { type: "button", onclick: again }, "Try again");
  const attributes = { role: "alert", hidden: true };
  const element = el("div.note.error.failure", attributes, icon("warning"), words, button);
  let failed = false;
  return {
    element,
    tell(error, said = error.message) {
      if (isAborted(error)) return;
      failed = true;
      const bySelf = covering || /** @type {any} */ (error).code !== "signed_out";
      element.hidden = !bySelf;
      setText(words, bySelf ? said : "");
    },
    clear() {
      failed = false;
      const held = element.contains(document.activeElement);
      element.hidden = true;
      setText(words, "");
      if (held) focusOn(leave());
    },
    retry() {
      if (failed) again?.();
    },
    holds: () => failed,
  };
}

/** @returns {HTMLElement | null} */
function heading() {
  return document.querySelector("main h1");
}
