// Ask or search: one box, and below it a conversation or what was found.
//
// `#/` with `q` fills the box, and asks where the user chose it on this page; `#/?mode=search&q=…`
// searches at once. Filters (`type`, `folder`,
// `after`, `before`) stand in the address in either mode, and so does `image`, the id of a file
// that is searched by. For tests: see composer.js, answer.js and results.js.
import { ApiError, isAborted, post } from "../api.js";
import { turnElement } from "../answer.js";
import { composer } from "../composer.js";
import { Conversation } from "../conversation.js";
import { el, icon, iconButton, replace } from "../dom.js";
import { filtersOf, given } from "../filters.js";
import { resultList, step } from "../results.js";
import { count, short } from "../labels.js";

const LIMIT = 20;
const EXAMPLES = [
  "How much is the deposit?",
  "What was said about the boiler?",
  "folder:tax receipts",
];
const GROUNDED = {
  supported: "Every sentence has a source.",
  partial: "Some sentences have no source.",
  none: "Your files do not say.",
};

// Kept while the page is open, so that going to another view and back loses nothing.
const conversation = new Conversation();
let draft = "";
/** @type {{name: string, url: string, data: string} | null} A picture that is searched by. */
let picture = null;

export async function show(main, context) {
  const view = new AskView(main, context);
  view.apply(context.route.params);
  context.route.follow((params) => view.apply(params));
  return () => view.end();
}

class AskView {
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
      onchange: () => this.changed(),
      onpicture: (file) => this.take(file),
    });
    this.box.fill(draft);
    main.append(this.heading, this.output, this.box.outer);
    conversation.onchange = (turn) => this.draw(turn);
    this.keys = (event) => this.key(event);
    document.addEventListener("keydown", this.keys);
    this.unsubscribe = context.live.subscribe(({ status }) => this.standing(status));
  }

  end() {
    draft = this.box.text.value;
    this.search?.abort();
    this.unsubscribe();
    document.removeEventListener("keydown", this.keys);
    conversation.onchange = () => {};
    delete this.main.dataset.shown;
  }

  /** Bring the view to what the address says. */
  apply(params) {
    const mode = params.get("mode") === "search" ? "search" : "ask";
    this.box.set({ mode, filters: filtersOf(params) });
    if (params.has("q")) this.box.fill(params.get("q"));
    this.imageId = params.get("image") ?? "";
    this.showPicture();
    if (mode === "search" && (params.get("q") || this.imageId || picture))
      this.find(params.get("q") ?? "");
    else this.showConversation();
    if (this.context.route.takeChoice() && mode === "ask" && !conversation.busy)
      this.ask(this.box.text.value.trim(), { alone: true });
  }

  submit() {
    const words = this.box.text.value.trim();
    if (this.box.mode === "search") {
      if (words || picture || this.imageId) this.go(words);
    } else if (words && !conversation.busy) this.ask(words);
  }

  /** Search, by way of the address, so that Back and a bookmark lead here again. */
  go(words) {
    const { route } = this.context;
    route.go("/", { mode: "search", q: words, image: this.imageId, ...given(this.box.filters) });
  }

  changed() {
    const { route } = this.context;
    this.box.label();
    const words = this.box.text.value.trim();
    if (this.box.mode === "search" && (words || picture || this.imageId)) return this.go(words);
    const mode = this.box.mode === "search" ? "search" : "";
    route.rename({ mode, ...given(this.box.filters) });
    if (!mode) this.showConversation();
    return undefined;
  }

  // Asking

  /** @param {{alone?: boolean}} [how] `alone`: not as one that follows what was asked before. */
  ask(question, how) {
    if (!question) return;
    this.box.fill("");
    this.context.route.rename(given(this.box.filters));
    this.dropPicture();
    this.search?.abort();
    conversation.ask(question, given(this.box.filters), how);
    this.showConversation();
    this.turns
      .get(conversation.turns.at(-1))
      ?.element.scrollIntoView({ block: "start", behavior: "smooth" });
  }

  showConversation() {
    this.search?.abort();
    const { turns } = conversation;
    this.turns.clear();
    replace(this.output, turns.length ? this.conversationHead() : this.welcome());
    this.arrange(turns.length ? "conversation" : "start"); // results are not drawn over
    for (const turn of turns) this.draw(turn);
    this.box.busy(conversation.busy);
  }

  conversationHead() {
    const begin = () => {
      conversation.clear();
      this.showConversation();
      this.box.text.focus();
    };
    return el(
      "div.output-head",
      {},
      el("button.quiet", { type: "button", onclick: begin }, icon("plus"), "New question"),
    );
  }

  draw(turn) {
    this.box.busy(conversation.busy); // also of a turn that was cleared away, or is not seen now
    if (this.shown === "results") return;
    if (!conversation.turns.includes(turn)) return;
    const known = this.turns.get(turn);
    if (!known) {
      const made = turnElement(turn, {
        open: (each, opener) => this.open({ citation: each.citation_id }, opener),
        retry: () => this.retry(),
      });
      this.turns.set(turn, made);
      this.output.append(made.element);
    } else if (turn.state !== "streaming") {
      known.refresh();
      this.finished(turn);
    } else if (!known.waiting) {
      // Tokens come faster than anybody reads: one drawing for each frame.
      known.waiting = requestAnimationFrame(() => {
        known.waiting = 0;
        known.refresh();
      });
    }
  }

  finished(turn) {
    const sources = new Set((turn.note?.citations ?? []).map((each) => each.n)).size;
    const words = {
      done: `Answer finished. ${GROUNDED[turn.note?.grounding] ?? ""} ${sources ? count(sources, "source") : ""}`,
      stopped: "Answer stopped.",
      failed: "",
    };
    if (words[turn.state]) this.context.announce(words[turn.state].trim());
  }

  retry() {
    conversation.retry();
    this.showConversation();
  }

  // Searching

  async find(words) {
    this.search?.abort();
    const own = (this.search = new AbortController());
    this.arrange("results");
    const body = {
      query: words || null,
      limit: LIMIT,
      ...given(this.box.filters),
      image: this.imageId || picture?.data || null,
    };
    replace(
      this.output,
      el("p.thinking", {}, el("span.pulse", { "aria-hidden": "true" }), "Searching…"),
    );
    try {
      const found = await post("/search", body, { signal: own.signal });
      if (own === this.search) this.showResults(found, words);
    } catch (error) {
      if (own === this.search && !isAborted(error)) this.failed(error);
    }
  }

  showResults(found, words) {
    const number = found.results.length;
    const head = number ? `${count(number, "result")} in ${found.query_time.toFixed(2)} s` : "";
    replace(
      this.output,
      el("div.output-head", {}, el("p.soft.small", {}, head)),
      found.warnings.map((text) => el("p.note.small", {}, icon("info"), el("span", {}, text))),
      number
        ? resultList(found.results, words, (result, opener) => this.open({ hit: result }, opener))
        : el("div.empty", {}, el("p", {}, "Nothing was found."), nextStep(this.context.live.status)),
    );
    this.context.announce(number ? `${count(number, "result")}` : "Nothing was found");
  }

  failed(error) {
    const message = error instanceof ApiError ? error.message : String(error);
    replace(
      this.output,
      el("div.note.error", { role: "alert" }, icon("warning"), el("p", {}, message)),
    );
  }

  // Pictures

  async take(file) {
    const data = await dataUrl(file).catch(() => null);
    if (!data)
      return this.context.toast(`${file.name}: cannot be read by this browser`, { error: true });
    this.dropPicture();
    picture = { name: file.name || "Pasted picture", url: URL.createObjectURL(file), data };
    this.imageId = "";
    this.box.set({ mode: "search", filters: this.box.filters });
    this.showPicture();
    this.context.announce(`Searching by picture ${picture.name}`);
    return this.go(this.box.text.value.trim());
  }

  dropPicture() {
    if (picture) URL.revokeObjectURL(picture.url);
    picture = null;
    this.imageId = "";
    this.showPicture();
  }

  showPicture() {
    const url = this.imageId
      ? `/files/${encodeURIComponent(this.imageId)}/thumbnail?max_px=96`
      : picture?.url;
    if (!url) return this.box.showPicture(null);
    const name = picture && !this.imageId ? picture.name : "Picture of your files";
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
    const focused = this.box.outer.contains(document.activeElement) ? document.activeElement : null;
    const words = {
      start: "What would you like to know?",
      conversation: "Ask your files",
      results: "Search your files",
    };
    this.heading.textContent = words[shown];
    this.heading.className = shown === "start" ? "hero" : "visually-hidden";
    this.main.dataset.shown = shown;
    if (shown === "conversation") this.main.append(this.output, this.box.outer);
    else this.main.append(this.box.outer, this.output);
    focused?.focus({ preventScroll: true });
  }

  welcome() {
    const examples = EXAMPLES.map((text) =>
      el(
        "li",
        {},
        el("button.chip.example", { type: "button", onclick: () => this.example(text) }, text),
      ),
    );
    const { status } = this.context.live;
    this.hint = el("div.hint", {}, status ? hint(status) : null);
    this.examples = el("ul.chips.examples", { "aria-label": "Examples" }, examples);
    this.examples.hidden = status?.passages === 0;
    return [this.hint, this.examples];
  }

  example(text) {
    this.box.fill(text);
    this.box.text.focus();
  }

  /** Offer the folders as filters, and say what to do while there is nothing to ask. */
  standing(status) {
    if (!status) return;
    this.box.offer(status.roots.map((root) => root.path));
    if (this.shown !== "start") return;
    replace(this.hint, hint(status));
    this.examples.hidden = status.passages === 0;
  }

  key(event) {
    if (
      event.defaultPrevented ||
      event.target.closest?.("input, textarea, select, [contenteditable], video, audio")
    )
      return;
    const list = this.output.querySelector(".results");
    if (
      this.shown === "results" &&
      list &&
      (event.key === "j" || event.key === "k") &&
      this.context.keys.single
    )
      step(list, event);
  }
}

/** A file as the data URL that `POST /search` takes; it goes nowhere else. */
function dataUrl(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

/** What to do where nothing was found. */
function nextStep(status) {
  if (status?.passages === 0) return hint(status);
  return el("p.small", {}, "Try other words, or take a filter away.");
}

function hint(status) {
  if (status.passages > 0)
    return el(
      "p.soft",
      {},
      `${count(status.files.completed, "file")} can be asked. Every answer says where it comes from.`,
    );
  if (!status.roots.length) {
    return el(
      "p.soft",
      {},
      "No folder is watched yet. ",
      el("a", { href: "#/folders" }, "Add one"),
      ", and ask as soon as its first files are read.",
    );
  }
  if (status.state === "idle")
    return el(
      "p.soft",
      {},
      "Your folders hold nothing that can be read yet. Put files into them; they are read at once.",
    );
  return el("p.soft", {}, "Your files are being read. What has been read can be asked already.");
}
