// Ask or search: one box, and below it a conversation or what was found.
//
// `#/` with `q` fills the box, and asks where the user chose it on this page; `#/?mode=search&q=…`
// searches at once. Filters (`type`, `folder`, `after`, `before`) stand in the address in either
// mode, and so do `image`, the id of a file that is searched by, and `picture`, the key of a picture
// that this page alone holds. For tests: see composer.js, answer.js and results.js.
import { ApiError, isAborted, post } from "../api.js";
import { turnElement, verdictOf } from "../answer.js";
import { composer } from "../composer.js";
import { Conversation } from "../conversation.js";
import { el, iconButton, replace } from "../dom.js";
import { filtersOf, given } from "../filters.js";
import { failure } from "../failure.js";
import { Following } from "../following.js";
import { Pictures, unable } from "../pictures.js";
import { ReadingPlace } from "../reading_place.js";
import { goThrough, refusal, resultList } from "../results.js";
import { count, short } from "../labels.js";
import { noteElement } from "../text.js";
import { nothingYet, welcome } from "../welcome.js";

const LIMIT = 20;
const TOUCHED = matchMedia("(pointer: coarse) and (not (any-pointer: fine))");

// Kept while the page is open, so that going to another view and back loses nothing.
const conversation = new Conversation();
const pictures = new Pictures();
let draft = "";

export async function show(main, context) {
  const view = new AskView(main, context);
  view.apply(context.route.params);
  context.route.follow((params) => view.apply(params));
  return { end: () => view.end(), retry: () => view.trouble?.retry() };
}

class AskView {
  /** @type {import("../failure.js").Failure | null} */
  trouble = null;

  constructor(main, context) {
    this.main = main;
    this.context = context;
    this.turns = new Map();
    this.output = el("div.output");
    this.heading = el("h1.hero", {}, "What would you like to know?");
    this.box = composer({
      mode: "ask",
      filters: filtersOf(context.route.params),
      onsubmit: () => this.submit(),
      onstop: () => conversation.stop(),
      onnew: () => this.beginAnew(),
      onchange: () => this.changed(),
      onpicture: (file) => this.take(file),
    });
    this.box.fill(draft);
    main.append(this.heading, this.output, this.box.outer);
    this.following = new Following(this.box.outer);
    this.place = new ReadingPlace(this.output, ".results");
    conversation.onchange = (turn) => this.draw(turn);
    this.keys = (event) => this.key(event);
    document.addEventListener("keydown", this.keys);
    this.unsubscribe = context.live.subscribe(({ status }) => this.standing(status));
  }

  end() {
    draft = this.box.mode === "ask" ? this.box.text.value : ""; // a search stands in the address
    this.search?.abort();
    this.following.end();
    this.place.end();
    this.unsubscribe();
    document.removeEventListener("keydown", this.keys);
    conversation.onchange = () => {};
    delete this.main.dataset.shown;
  }

  /** Bring the view to what the address says. */
  apply(params) {
    this.place.forget();
    const mode = params.get("mode") === "search" ? "search" : "ask";
    this.box.set({ mode, filters: filtersOf(params) });
    if (params.has("q")) this.box.fill(params.get("q"));
    this.imageId = params.get("image") ?? "";
    this.held = params.get("picture") ?? "";
    this.picture = this.imageId ? null : pictures.get(this.held);
    this.showPicture();
    if (mode === "search") this.tellLost(params);
    if (mode === "search" && this.isAnything(params.get("q"))) this.find(params.get("q") ?? "");
    else this.showConversation();
    if (this.context.route.takeChoice() && mode === "ask" && !this.isBusy())
      this.ask(this.box.text.value.trim(), { alone: true });
  }

  /** Whether there is something to search for. */
  isAnything(words) {
    return Boolean(words || this.imageId || this.held);
  }

  submit() {
    const words = this.box.text.value.trim();
    if (this.box.mode === "search") {
      if (this.isAnything(words) || this.shown === "results") this.go(words);
    } else if (words && !conversation.busy) this.ask(words);
  }

  /** Search, by way of the address, so that Back and a bookmark lead here again. */
  go(words) {
    const like = { image: this.imageId, picture: this.held };
    this.context.route.go("/", { mode: "search", q: words, ...like, ...given(this.box.filters) });
    this.putKeyboardAway();
  }

  changed() {
    const { route } = this.context;
    this.box.label();
    const words = this.box.text.value.trim();
    const mode = this.box.mode === "search" ? "search" : "";
    if (mode && this.isAnything(words)) return this.go(words);
    route.rename({ mode, ...given(this.box.filters) });
    return this.showConversation();
  }

  /** What a finger has asked is not to be answered behind the keys on the screen. */
  putKeyboardAway() {
    if (TOUCHED.matches) this.box.text.blur();
  }

  // Asking

  /** @param {{alone?: boolean}} [how] `alone`: not as one that follows what was asked before. */
  ask(question, how) {
    if (!question) return;
    this.box.fill("");
    this.context.route.rename(given(this.box.filters));
    this.dropPicture();
    conversation.ask(question, given(this.box.filters), how);
    this.showConversation();
    this.putKeyboardAway();
  }

  showConversation() {
    this.search?.abort();
    this.trouble = null;
    const { turns } = conversation;
    this.turns.clear();
    this.output.removeAttribute("aria-busy");
    replace(this.output, turns.length ? null : this.welcome());
    this.arrange(turns.length ? "conversation" : "start"); // results are not drawn over
    for (const turn of turns) this.draw(turn);
    this.box.busy(conversation.busy);
    const last = this.turns.get(turns.at(-1));
    this.following.begin(last?.element ?? null);
    if (last && !conversation.busy) this.following.finished(last.first());
  }

  beginAnew() {
    conversation.clear();
    this.showConversation();
    this.box.text.focus();
  }

  draw(turn) {
    this.box.busy(conversation.busy); // also of a turn that was cleared away, or is not seen now
    if (this.shown === "results") return;
    if (!conversation.turns.includes(turn)) return;
    const known = this.turns.get(turn);
    if (!known) {
      const made = turnElement(turn, {
        open: (each, opener) => this.open({ citation: each.citation_id }, opener),
        retry: () => this.retry(turn),
        hint: () => nothingYet(this.context.live.status),
      });
      this.turns.set(turn, made);
      this.output.append(el("div.turn-place", {}, made.element));
    } else if (turn.state !== "streaming") {
      known.refresh();
      this.following.finished(known.first());
      this.finished(turn);
    } else if (!known.waiting) {
      // Tokens come faster than anybody reads: one drawing for each frame.
      known.waiting = requestAnimationFrame(() => {
        known.waiting = 0;
        known.refresh();
        this.following.grown();
      });
    }
  }

  finished(turn) {
    const sources = new Set((turn.note?.citations ?? []).map((each) => each.n)).size;
    const words = {
      done: `Answer finished. ${verdictOf(turn)[1] ?? ""} ${sources ? count(sources, "source") : ""}`,
      stopped: "Answer stopped.",
      failed: "",
    };
    if (words[turn.state]) this.context.announce(words[turn.state].trim());
  }

  retry(turn) {
    if (this.isBusy()) return;
    conversation.retry(turn);
    this.showConversation();
  }

  /** Whether an answer is being written; what was chosen has to wait for it, and that is said. */
  isBusy() {
    if (conversation.busy) this.context.toast("An answer is being written. Stop it, or wait for it.");
    return conversation.busy;
  }

  // Searching

  async find(words) {
    this.search?.abort();
    this.trouble = null;
    if (this.cannotFind(words)) return;
    const own = (this.search = new AbortController());
    const { viewer } = this.context;
    this.openBefore = viewer.isOpen ? viewer.asked : null;
    this.arrange("results");
    const body = {
      query: words || null,
      limit: LIMIT,
      ...given(this.box.filters),
      image: this.imageId || this.picture?.data || null,
    };
    this.searching();
    try {
      const found = await post("/search", body, { signal: own.signal });
      if (own === this.search) this.showResults(found, words);
    } catch (error) {
      if (own === this.search && !isAborted(error)) this.failed(error, words);
    }
  }

  /** Words that may not stand in the address are not kept for longer than this tab shows prismd. */
  tellLost(params) {
    const { route, toast } = this.context;
    if (!route.lost) return;
    toast("What was searched for was not kept. Type it again.");
    route.rename(params);
  }

  /** A picture is not kept, so a page that was loaded again does not have it. */
  cannotFind(words) {
    if (this.imageId || !this.held || this.picture) return false;
    this.context.toast("The picture that was searched by was not kept. Choose it again.");
    this.held = "";
    this.context.route.rename({ mode: "search", q: words, ...given(this.box.filters) });
    if (words) return false;
    this.showConversation();
    return true;
  }

  /** What was found before stays until it is replaced; nothing flickers, and nothing jumps. */
  searching() {
    if (this.output.querySelector(".results")) {
      this.output.setAttribute("aria-busy", "true");
      return;
    }
    const pulse = el("span.pulse", { "aria-hidden": "true" });
    replace(this.output, el("p.thinking", {}, pulse, "Searching…"));
  }

  /**
   * Put what came of a search in place of what stood there; what was opened before of that goes
   * with it, but nothing that somebody opened while they waited.
   */
  put(...children) {
    const { viewer } = this.context;
    this.output.removeAttribute("aria-busy");
    replace(this.output, ...children);
    if (!viewer.isOpen || viewer.asked !== this.openBefore) return;
    viewer.close();
    if (document.activeElement === document.body) this.main.focus({ preventScroll: true });
  }

  showResults(found, words) {
    const number = found.results.length;
    const head = number ? `${count(number, "result")} in ${found.query_time.toFixed(2)} s` : "";
    this.put(
      el("div.output-head", {}, el("p.soft.small", {}, head)),
      found.warnings.map(noteElement),
      number
        ? resultList(found.results, words, (result, opener) => this.open({ hit: result }, opener))
        : el("div.empty", {}, el("p", {}, "Nothing was found."), nextStep(this.context.live.status)),
    );
    this.place.restore();
    this.context.announce(number ? `${count(number, "result")}` : "Nothing was found");
  }

  /** It stands where results would, until something else does; the box is not touched by it. */
  failed(error, words) {
    const message = error instanceof ApiError ? refusal(error, this.picture) : String(error);
    const mayHelp = !error.param; // else it is what was sent
    this.trouble = failure(mayHelp ? () => this.find(words) : null);
    this.trouble.tell(error, message);
    this.put(this.trouble.element);
  }

  // Pictures

  async take(file) {
    const key = await pictures.hold(file).catch(() => null);
    if (!key)
      return this.context.toast(`${file.name}: cannot be read by this browser`, { error: true });
    this.held = key;
    this.imageId = "";
    this.box.set({ mode: "search", filters: this.box.filters });
    this.context.announce(`Searching by picture ${pictures.get(key)?.name}`);
    return this.go(this.box.text.value.trim());
  }

  dropPicture() {
    this.held = "";
    this.imageId = "";
    this.picture = null;
    this.showPicture();
  }

  showPicture() {
    const url = this.imageId
      ? `/files/${encodeURIComponent(this.imageId)}/thumbnail?max_px=96`
      : this.picture?.url;
    if (!url) return this.box.showPicture(null);
    const name = this.picture?.name ?? "Picture of your files";
    const remove = () => {
      this.dropPicture();
      this.changed();
      this.box.text.focus();
    };
    return this.box.showPicture(
      el(
        "figure.picture-chip",
        {},
        el("img", { src: url, alt: "" }),
        el("figcaption", {}, `Like ${short(name, 40)}`),
        iconButton("close", "Remove picture", remove),
      ),
    );
  }

  // Everything else

  open(target, opener) {
    this.context.viewer.open(target, opener);
  }

  /** Where the box stands: below a conversation, above everything else. */
  arrange(shown) {
    if (this.shown === shown) return;
    this.shown = shown;
    const focused = /** @type {HTMLElement | null} */ (this.box.outer.querySelector(":focus"));
    const words = {
      start: "What would you like to know?",
      conversation: "Ask your files",
      results: "Search your files",
    };
    this.heading.textContent = words[shown];
    this.heading.className = shown === "start" ? "hero" : "visually-hidden";
    this.main.dataset.shown = shown;
    this.box.offerNew(shown === "conversation");
    if (shown === "conversation") this.main.append(this.output, this.box.outer);
    else this.main.append(this.box.outer, this.output);
    focused?.focus({ preventScroll: true });
  }

  /** @returns {HTMLElement[]} */
  welcome() {
    this.start = welcome(this.context, (example) => {
      this.box.fill(example);
      this.box.text.focus();
    });
    this.start.update(this.context.live.status);
    return this.start.elements;
  }

  /** Offer the folders as filters, and say what can be done now. */
  standing(status) {
    if (!status) return;
    this.box.offer(status.roots.map((root) => root.path));
    this.box.allowPictures(unable(status));
    if (this.shown === "start") this.start?.update(status);
  }

  key(event) {
    const list = this.shown === "results" && this.output.querySelector(".results");
    if (list && !event.defaultPrevented)
      goThrough(list, event, this.box.text, this.context.keys.single);
  }
}

/** What to do where nothing was found. */
function nextStep(status) {
  return nothingYet(status) ?? el("p.small", {}, "Try other words, or take a filter away.");
}
