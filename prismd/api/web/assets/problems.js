// Files that gave no document, each with the reason and what to do, and reading them once more.
//
// Roles for tests: region "Files with problems"; group "Show" with toggle buttons "All", "Failed",
// "Quarantined", "Skipped" (their counts in the name); button "Retry all that failed", or of some
// "Retry all"; list "Files with problems", each item with the file's name, the reason, a link "Open
// the file in a new tab: NAME", and a button "Retry NAME"; an alert where they cannot be had
// (failure.js).
import { act, focusOn } from "./acting.js";
import { allow, el, icon } from "./dom.js";
import { failure } from "./failure.js";
import { number } from "./figures.js";
import { Keyed } from "./keyed.js";
import { setText } from "./text.js";
import { count, fileName, whereIn } from "./labels.js";

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
 * @returns {{element: HTMLElement} & import("./viewer.js").Shown}
 */
export function problems(context) {
  const view = new Problems(context);
  return { element: view.element, end: () => view.end(), retry: () => view.trouble.retry() };
}

class Problems {
  heading = el("h2", { id: "problems-title", tabindex: "-1" }, "Files with problems");
  buttons = STATES.map((each) =>
    el("button.chip", { type: "button", onclick: () => this.go(each.state) }, each.name),
  );
  about = el("p.soft.small");
  retryWords = el("span");
  retryAll = el(
    "button",
    { type: "button", onclick: () => this.retryEverything() },
    icon("retry"),
    this.retryWords,
  );
  trouble = failure(() => this.load(), { leave: () => this.heading });
  list = el("ul.problems", { "aria-labelledby": this.heading.id });
  /** @type {Keyed<any>} */
  rows = new Keyed(this.list, (item) => this.row(item), {
    key: (item) => String(item.id),
    leave: () => this.heading,
  });
  empty = el("p.empty", { hidden: true }, "No file has a problem.");
  more = el("button", { type: "button", hidden: true, onclick: () => this.showMore() }, "Show more");
  element = el(
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
    this.trouble.element,
    this.list,
    this.empty,
    this.more,
  );

  /** @param {import("./app.js").Context} context */
  constructor(context) {
    this.context = context;
    this.chosen =
      STATES.find((each) => each.state === context.route.params.get("errors")) ?? STATES[0];
    this.shown = PAGE;
    this.listed = this.chosen;
    this.counts = "";
    this.timer = 0;
    this.aborting = new AbortController();
    this.mark();
    this.unsubscribe = context.live.subscribe((heard) => this.heard(heard));
    context.route.follow((params) => this.choose(params.get("errors") ?? ""));
    this.load();
  }

  end() {
    this.unsubscribe();
    clearTimeout(this.timer);
    this.aborting.abort();
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
    allow(this.retryAll, connected);
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
      this.trouble.clear();
    } catch (error) {
      if (!signal.aborted) this.fail(error);
    }
  }

  /** Nothing stays that would say something of the files that were not had. */
  fail(error) {
    // Those that are shown already stand; that prismd is away, the banner says.
    if (error.unreachable && this.rows.size && this.listed === this.chosen) return;
    this.rows.show([]);
    for (const each of [this.empty, this.more, this.retryAll]) each.hidden = true;
    this.trouble.tell(error);
  }

  show(found) {
    this.listed = this.chosen;
    this.rows.show(found.data);
    this.empty.hidden = found.total > 0;
    this.retryAll.hidden = !this.retried(found);
    this.more.hidden = found.next === null || this.shown >= MOST;
    setText(this.more, `Show more of ${number(found.total)}`);
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
      {},
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
        el("p.path.small.soft", {}, whereIn(item.path, Infinity), " · ", wholeFile(item, name)),
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

  /** The focus stays on the button, or goes on where the new ones begin when the button goes. */
  async showMore() {
    const [before, held] = [this.rows.size, this.more.contains(document.activeElement)];
    this.shown = Math.min(this.shown + 2 * PAGE, MOST);
    await this.load();
    if (held && this.more.hidden) this.rows.first(before)?.focus();
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
