// Questions and their answers, kept while the page is open, whichever view is shown.
import { isAborted, stream } from "./api.js";

const MODEL = "prism";
const MOST_TURNS = 8; // that go along with a follow-up question

/**
 * @typedef {object} Turn
 * @property {string} question
 * @property {Object<string, any>} filters As `POST /v1/chat/completions` takes them in `prism`.
 * @property {boolean} alone Whether it was asked without what was said before.
 * @property {string} text The answer, as far as it has come.
 * @property {Object<string, any> | null} note Citations, grounding and the like, once it is whole.
 * @property {"streaming" | "done" | "stopped" | "failed"} state
 * @property {Error | null} error
 * @property {number | null} seconds How long it took.
 */

/** A conversation; `onchange` is called with a turn whenever more of it has come. */
export class Conversation {
  constructor() {
    /** @type {Turn[]} */
    this.turns = [];
    /** @type {(turn: Turn) => void} */
    this.onchange = () => {};
    /** @type {AbortController | null} */
    this.controller = null;
  }

  /** Whether an answer is in work. */
  get busy() {
    return this.controller !== null;
  }

  /** Forget all turns, and stop what is in work. */
  clear() {
    this.stop();
    this.turns = [];
  }

  /** Take the request back; the daemon sees that and gives the answer up. */
  stop() {
    this.controller?.abort();
  }

  /**
   * Ask, with the turns before as what was said.
   *
   * @param {string} question
   * @param {Object<string, any>} filters
   * @param {{alone?: boolean}} [how] `alone` leaves them out.
   */
  async ask(question, filters, { alone = false } = {}) {
    this.stop();
    const messages = [...(alone ? [] : this.said()), { role: "user", content: question }];
    /** @type {Turn} */
    const turn = {
      question,
      filters,
      alone,
      text: "",
      note: null,
      state: "streaming",
      error: null,
      seconds: null,
    };
    this.turns.push(turn);
    const controller = new AbortController();
    this.controller = controller;
    const began = performance.now();
    try {
      await this.receive(turn, { model: MODEL, messages, prism: filters }, controller.signal);
      turn.state = "done";
      turn.seconds = (performance.now() - began) / 1000;
    } catch (error) {
      turn.state = isAborted(error) ? "stopped" : "failed";
      turn.error = error;
    }
    if (this.controller === controller) this.controller = null;
    this.onchange(turn);
  }

  /**
   * Ask a question once more, as the newest, in place of what did not become an answer.
   *
   * @param {Turn} turn
   */
  retry(turn) {
    this.turns = this.turns.filter((each) => each !== turn);
    return this.ask(turn.question, turn.filters, { alone: turn.alone });
  }

  async receive(turn, body, signal) {
    this.onchange(turn);
    for await (const chunk of stream("/v1/chat/completions", body, { signal })) {
      turn.text += chunk.choices[0]?.delta?.content ?? "";
      if (chunk.prism) turn.note = chunk.prism;
      this.onchange(turn);
    }
  }

  said() {
    return this.turns
      .filter((turn) => turn.state === "done" && turn.text)
      .slice(-MOST_TURNS)
      .flatMap((turn) => [
        { role: "user", content: turn.question },
        { role: "assistant", content: turn.text },
      ]);
  }
}
