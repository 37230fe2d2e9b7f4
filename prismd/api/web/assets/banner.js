// Above every view: that prismd is not there, or does not let this browser in, and what to do.
//
// Roles for tests: an alert with the words, and a button "Try now".
import * as api from "./api.js";
import { el, icon, replace } from "./dom.js";

const LOST = "The connection to prismd was lost. The page goes on by itself when it is back.";
const UNREACHED = "prismd cannot be reached. Start it with 'prismd run'.";

/** Tells what keeps the page from its daemon, in one place for all views. */
export class Banner {
  /**
   * @param {HTMLElement} element
   * @param {import("./live.js").Live} live
   * @param {() => void} onback Called when requests are answered again.
   */
  constructor(element, live, onback) {
    this.element = element;
    this.live = live;
    this.onback = onback;
    this.connected = true;
    this.admitted = true;
    this.why = "";
    this.shown = "";
  }

  /** Begin, before anything is asked. */
  start() {
    api.onAdmission((admitted) => {
      if (admitted === this.admitted) return;
      this.admitted = admitted;
      this.show();
    });
    this.live.subscribe(({ connected }) => this.heard(connected));
    // Signing in happens in another tab.
    const look = () => !this.admitted && !document.hidden && this.look();
    document.addEventListener("visibilitychange", look);
    addEventListener("focus", look);
  }

  /** @param {boolean} connected */
  heard(connected) {
    this.connected = connected;
    if (connected) this.why = "";
    else this.look(); // a socket that is refused does not say why; a request does
    this.show();
  }

  /** Ask for something, to learn how it is. */
  async look() {
    await api.get("/status").catch((error) => {
      if (error.unreachable || error.code === "signed_out" || this.connected) return;
      this.why = error.message;
      this.show();
    });
  }

  show() {
    const words = this.words();
    if (words === this.shown) return;
    const back = this.shown && !words;
    this.shown = words;
    this.element.hidden = !words;
    replace(this.element, words ? this.content(words) : null);
    if (back) this.onback();
  }

  words() {
    if (!this.admitted) return api.SIGNED_OUT;
    if (this.connected) return "";
    return this.why || (this.live.status ? LOST : UNREACHED);
  }

  content(words) {
    const again = () => {
      this.live.hurry();
      this.look();
    };
    const button = el("button.quiet", { type: "button", onclick: again }, "Try now");
    return [icon("warning"), el("span.grow", {}, words), button];
  }
}
