// How far down a list was read, so that Back leads to the same place in it.
//
// It is kept with the step of the browser's history, so that the same address has another place at
// each step, and a page that is loaded again has it still.

const REST_MS = 100; // browsers let the step be written to only so often

/** The place in what is shown at a step. */
export class ReadingPlace {
  /**
   * @param {HTMLElement} output Holds what is shown; `aria-busy` while that is of another step.
   * @param {string} list Selects what is read, as soon as it is there.
   */
  constructor(output, list) {
    this.output = output;
    this.list = list;
    this.timer = 0;
    this.scrolled = () => {
      this.forget();
      this.timer = setTimeout(() => this.keep(), REST_MS);
    };
    history.scrollRestoration = "manual"; // the browser would do it before there is a list
    addEventListener("scroll", this.scrolled, { passive: true });
  }

  keep() {
    if (this.output.ariaBusy === "true" || !this.output.querySelector(this.list)) return;
    history.replaceState({ ...history.state, top: scrollY }, "");
  }

  /** Go to where one was; to the top of what was never read. */
  restore() {
    this.forget();
    scrollTo(0, history.state?.top ?? 0);
  }

  /** The step is another now; a place that was not written down yet is not its own. */
  forget() {
    clearTimeout(this.timer);
  }

  end() {
    this.forget();
    removeEventListener("scroll", this.scrolled);
    history.scrollRestoration = "auto";
  }
}
