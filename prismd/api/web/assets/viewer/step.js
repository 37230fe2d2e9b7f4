// A step of the browser's history for what covers the page: Back, which on a phone is the way out
// of anything that fills the screen, closes it instead of leaving what lies behind.

/** The step of the one panel that covers the page; its entry has the address of what is behind. */
export class Step {
  /** @param {{close: () => void, reopen: () => void}} actions What Back and Forward do. */
  constructor({ close, reopen }) {
    this.taken = false;
    /** @type {{promise: Promise<void>, resolve: () => void} | null} The way back, while it lasts. */
    this.leaving = null;
    if (this.isHere) {
      // The page was loaded again, and nothing covers it: the step would be one that does nothing.
      mark(false);
      history.back();
    }
    addEventListener("popstate", () => {
      if (this.leaving) return this.left();
      if (this.taken === this.isHere) return undefined;
      this.taken = this.isHere;
      return this.taken ? reopen() : close();
    });
  }

  /** Whether the browser stands at that entry. */
  get isHere() {
    return history.state?.covered === true;
  }

  /** The page is covered from now on. */
  take() {
    this.taken = true;
    if (this.leaving || this.isHere) return; // once it has left, it comes again
    history.pushState({ ...history.state, covered: true }, "");
  }

  /**
   * It is covered no more.
   *
   * @returns {Promise<void>} Until the browser has gone back; where another address was gone to
   *   meanwhile, it stays there.
   */
  leave() {
    this.taken = false;
    if (this.leaving) return this.leaving.promise;
    if (!this.isHere) return Promise.resolve();
    this.leaving = Promise.withResolvers();
    history.back();
    return this.leaving.promise;
  }

  /** The browser has gone back; what covers the page again by now has a step again. */
  left() {
    this.leaving?.resolve();
    this.leaving = null;
    if (this.taken) this.take();
  }
}

function mark(covered) {
  history.replaceState({ ...history.state, covered }, "");
}
