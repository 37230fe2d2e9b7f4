// Files that gave no document, each with the reason and what to do, and reading them once more.
//
// Roles for tests: region "Files with problems"; group "Show" with toggle buttons "All", "Failed",
// "Quarantined", "Skipped" (their counts in the name); button "Retry all that failed", or of some
// "Retry all"; list "Files with problems", each item with the file's name, the reason, a link "Open
// the file in a new tab: NAME", and a button "Retry NAME".
import { act, focusOn } from "./acting.js";
import { el, icon, replace } from "./dom.js";
import { number } from "./figures.js";
import { setText } from "./text.js";
import { count, fileName, folderOf } from "./labels.js";

const PAGE = 50;
const MOST = 1_000;
const REST_MS = 400;

const STATES = [
  { state: "", name: "All", about: "" },
  { state: "failed", name: "Failed", about: "Could not be read, though it was tried again." },
  {
    state: "quarantined",
    name: "Quarantined",
    about: "Made the program that reads it crash or hang; left alone until you retry.",
  },
  { state: "skipped", name: "Skipped", about: "Nothing in it that prismd reads, or too large." },
];

/**
 * @param {import("./app.js").Context} context
 * @returns {{element: HTMLElement, end: () => void}}
 */
export function problems(context) {
  const view = new Problems(context);
  return { element: view.element, end: () => view.end() };
}

class Problems {
  constructor(context) {
    this.context = context;
    this.chosen =
      STATES.find((each) => each.state === context.route.params.get("errors")) ?? STATES[0];
    this.shown = PAGE;
    this.items = [];
    this.counts = "";
    this.aborting = new AbortController();
    this.build();
    this.unsubscribe = context.live.subscribe((heard) => this.heard(heard));
    context.route.follow((params) => this.choose(params.get("errors") ?? ""));
    this.load();
  }

  end() {
    this.unsubscribe();
    clearTimeout(this.timer);
    this.aborting.abort();
  }

  build() {
    this.heading = el("h2", { id: "problems-title" }, "Files with problems");
    this.buttons = STATES.map((each) =>
      el("button.chip", { type: "button", onclick: () => this.go(each.state) }, each.name),
    );
    this.about = el("p.soft.small");
    this.retryWords = el("span");
    this.retryAll = el("button", { type: "button" }, icon("retry"), this.retryWords);
    this.retryAll.addEventListener("click", () => this.retryEverything());
    this.list = el("ul.problems", { "aria-labelledby": this.heading.id });
    this.empty = el("p.empty", { hidden: true }, "No file has a problem.");
    this.more = el(
      "button",
      { type: "button", hidden: true, onclick: () => this.showMore() },
      "Show more",
    );
    this.element = el(
      "section",
      { "aria-labelledby": this.heading.id },
      this.heading,
      el(
        "div.toolbar",
        {},
        el("div.chips", { role: "group", "aria-label": "Show" }, this.buttons),
        this.retryAll,
      ),
      this.about,
      this.list,
      this.empty,
      this.more,
    );
    this.mark();
  }

  /** Show others; the address says which, so that Back and a reload lead there. */
  go(state) {
    this.context.route.go("/activity", { errors: state });
  }

  choose(state) {
    this.chosen = STATES.find((each) => each.state === state) ?? STATES[0];
    this.shown = PAGE;
    this.mark();
    this.load();
  }

  mark() {
    STATES.forEach((each, at) => {
      this.buttons[at].setAttribute("aria-pressed", String(each === this.chosen));
    });
    // Of all of them, those that were left out on purpose stay so.
    setText(this.retryWords, this.chosen.state ? "Retry all" : "Retry all that failed");
    setText(this.about, this.chosen.about);
    this.about.hidden = !this.chosen.about;
  }

  /** Look again once the counts are others: files come and go while they are read. */
  heard({ connected, status }) {
    if (!status) return;
    const { failed, quarantined, skipped } = status.files;
    const counts = { "": failed + quarantined + skipped, failed, quarantined, skipped };
    STATES.forEach((each, at) =>
      setText(this.buttons[at], `${each.name} ${number(counts[each.state])}`),
    );
    this.retryAll.disabled = !connected;
    const key = JSON.stringify([connected, counts]);
    if (key === this.counts) return;
    const first = !this.counts;
    this.counts = key;
    if (!first && connected) this.loadSoon();
  }

  loadSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.load(), REST_MS);
  }

  async load() {
    this.aborting.abort();
    this.aborting = new AbortController();
    const { signal } = this.aborting;
    const params = { state: this.chosen.state, limit: this.shown };
    try {
      this.show(await this.context.api.get("/errors", { params, signal }));
    } catch (error) {
      if (!signal.aborted && !error.unreachable) this.fail(error);
    }
  }

  fail(error) {
    replace(this.list, el("li.note.error", {}, error.message));
  }

  show(found) {
    this.items = found.data;
    const kept = document.activeElement?.closest?.("[data-file]")?.dataset.file;
    const within = this.list.contains(document.activeElement);
    replace(
      this.list,
      this.items.map((item) => this.row(item)),
    );
    this.empty.hidden = found.total > 0;
    this.retryAll.hidden = !this.retried(found);
    this.more.hidden = found.next === null || this.shown >= MOST;
    setText(this.more, `Show more of ${number(found.total)}`);
    if (within) this.restoreFocus(kept);
  }

  /** What stood in the list's place had the focus; it must not fall to the page's start. */
  restoreFocus(kept) {
    const same = kept && this.list.querySelector(`[data-file="${CSS.escape(kept)}"] button`);
    focusOn(same || this.list.querySelector("button") || this.heading);
  }

  retried(found) {
    return found.data.some((item) => this.chosen.state === "skipped" || item.state !== "skipped");
  }

  row(item) {
    const name = fileName(item.path);
    const retry = el(
      "button",
      { type: "button", "aria-label": `Retry ${name}` },
      icon("retry"),
      "Retry",
    );
    retry.addEventListener("click", () => this.retryOne(item, retry));
    return el(
      "li.problem",
      { dataset: { file: item.id } },
      el(
        "div.grow",
        {},
        el(
          "div.problem-head",
          {},
          el("span.strong.name", {}, name),
          el(item.state === "skipped" ? "span.badge" : "span.badge.warn", {}, item.state),
        ),
        el("p.reason", {}, item.error?.message ?? "No reason is known; retry to learn it."),
        el("p.path.small.soft", {}, placeOf(item.path), " · ", wholeFile(item, name)),
      ),
      retry,
    );
  }

  retryOne(item, button) {
    return act(this.context, button, async () => {
      await this.context.api.post("/retry", { file_id: item.id });
      this.context.announce(`${fileName(item.path)} is read again`);
      await this.load();
    });
  }

  retryEverything() {
    return act(this.context, this.retryAll, async () => {
      const states = this.chosen.state ? [this.chosen.state] : null;
      const { queued } = await this.context.api.post("/retry", { states });
      this.context.toast(`${count(queued, "file")} will be read again.`);
      await this.load();
      if (this.retryAll.hidden) focusOn(this.heading);
    });
  }

  showMore() {
    this.shown = Math.min(this.shown + 2 * PAGE, MOST);
    this.load();
  }
}

/** Of a file that was not read nothing can be shown but itself. */
function wholeFile(item, name) {
  return el(
    "a",
    {
      href: `/files/${item.id}/content`,
      target: "_blank",
      rel: "noopener",
      "aria-label": `Open the file in a new tab: ${name}`,
    },
    "Open the file in a new tab",
  );
}

/** Where a file is; those of no folder were uploaded. */
function placeOf(path) {
  return path.startsWith("/") ? folderOf(path, Infinity) : "Uploaded";
}
