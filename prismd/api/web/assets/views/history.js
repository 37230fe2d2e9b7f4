// What was searched and asked: to go back to, to forget, to keep no more.
//
// Roles for tests: heading "History"; switch "Keep what I search and ask"; group "Show" with
// toggle buttons "All", "Questions", "Searches"; button "Clear history" (dialog "Clear the
// history?" with "Cancel" and "Clear history"); list "Searches and questions", each item with a
// link (the query; a button where words may not stand in an address, see route.js) and a button
// "Forget QUERY"; button "Show more"; an alert where something fails (failure.js).
import { act, confirmed, focusOn } from "../acting.js";
import { el, icon, iconButton, replace } from "../dom.js";
import { failure } from "../failure.js";
import { moment, number } from "../figures.js";
import { hashOf } from "../route.js";
import { setText } from "../text.js";
import { count, TYPES } from "../labels.js";

const PAGE = 50;
const LARGEST_PAGE = 500;
const KINDS = [
  { kind: "", name: "All" },
  { kind: "ask", name: "Questions" },
  { kind: "search", name: "Searches" },
];
const GROUNDINGS = {
  supported: "answered from your files",
  partial: "answered in part from your files",
  none: "your files do not say",
};

/** @param {import("../app.js").Context} context */
export async function show(main, context) {
  const view = new HistoryView(main, context);
  await view.load();
  return { end: () => view.end(), retry: () => view.retry() };
}

class HistoryView {
  /** @type {HTMLElement} */
  heading;
  /** @type {HTMLButtonElement} */
  keeping;
  /** @type {HTMLElement} The switch and what it says: not before it is known how it stands. */
  kept;
  /** @type {HTMLElement} */
  words;
  /** @type {HTMLElement[]} */
  chips;
  /** @type {HTMLButtonElement} */
  clearing;
  /** @type {HTMLElement} */
  list;
  /** @type {HTMLElement} */
  empty;
  /** @type {HTMLButtonElement} */
  more;
  /** @type {ReturnType<typeof failure>} */
  trouble;
  /** @type {any} */
  settings = {};
  /** @type {WeakMap<Element, any>} Each query, and the entry that it is of. */
  titles = new WeakMap();

  constructor(main, context) {
    this.context = context;
    this.aborting = new AbortController();
    this.kind = kindOf(context.route.params);
    this.build(main);
    context.route.follow((params) => {
      this.kind = kindOf(params);
      this.load();
    });
    this.unsubscribe = context.live.subscribe(() => this.changeTitles());
  }

  end() {
    this.aborting.abort();
    this.unsubscribe();
  }

  /** Load what did not come; of a button that failed, what it said is over. */
  retry() {
    if (this.missing) this.load();
    else this.trouble.clear();
  }

  build(main) {
    this.heading = el("h1", {}, "History");
    this.keeping = el("button.switch", {
      type: "button",
      role: "switch",
      "aria-describedby": "kept-words",
    });
    this.keeping.append(el("span.knob", { "aria-hidden": "true" }), "Keep what I search and ask");
    this.keeping.addEventListener("click", () => this.toggle());
    this.words = el("p.soft.small", { id: "kept-words" });
    this.kept = el("div.card.keeping", { hidden: true }, this.keeping, this.words);
    this.chips = KINDS.map(({ kind, name }) =>
      el(
        "button.chip",
        { type: "button", onclick: () => this.context.route.go("/history", { kind }) },
        name,
      ),
    );
    this.clearing = el("button.danger", { type: "button" }, icon("trash"), "Clear history");
    this.clearing.addEventListener("click", () => this.clear());
    this.list = el("ul.entries", { "aria-label": "Searches and questions" });
    this.empty = el("p.empty", { hidden: true });
    this.more = el("button", { type: "button", hidden: true }, "Show more");
    this.more.addEventListener("click", () => this.doing(this.more, () => this.loadMore()));
    this.trouble = failure(() => this.load());
    main.append(
      this.heading,
      this.kept,
      el(
        "div.toolbar",
        {},
        el("div.chips", { role: "group", "aria-label": "Show" }, this.chips),
        this.clearing,
      ),
      this.trouble.element,
      this.list,
      this.empty,
      this.more,
    );
  }

  async load() {
    this.aborting.abort();
    this.aborting = new AbortController();
    const { signal } = this.aborting;
    KINDS.forEach(({ kind }, at) =>
      this.chips[at].setAttribute("aria-pressed", String(kind === this.kind)),
    );
    try {
      const [found, settings] = await Promise.all([this.page("", signal), this.limits(signal)]);
      replace(this.list);
      this.settings = settings;
      this.take(found);
      this.missing = false;
      this.trouble.clear();
    } catch (error) {
      if (signal.aborted) return;
      // What was shown is of another kind, or not sure to be there still.
      replace(this.list);
      for (const each of [this.more, this.clearing, this.empty]) each.hidden = true;
      this.missing = true;
      this.trouble.tell(error);
    }
  }

  /** Do something for a button; what fails is said above the list. */
  doing(button, work) {
    return act(this.context, button, async () => {
      try {
        await work();
      } catch (error) {
        this.trouble.tell(error);
      }
    });
  }

  page(after, signal, limit = PAGE) {
    const params = { kind: this.kind, limit, after };
    return this.context.api.get("/search/history", { params, signal });
  }

  /** How much is kept, by the settings. */
  async limits(signal) {
    const { sections } = await this.context.api.get("/settings", { signal });
    const all = sections.flatMap((section) => section.settings);
    const value = (key) => all.find((each) => each.key === key)?.value;
    return { entries: value("search.history_entries"), days: value("search.history_days") };
  }

  async loadMore() {
    const at = this.list.childElementCount;
    const limit = Math.min(Math.max(at, PAGE), LARGEST_PAGE);
    this.take(await this.page(this.next, this.aborting.signal, limit));
    this.trouble.clear();
    focusOn(this.list.children[at]?.querySelector(".query"));
  }

  take(found) {
    this.next = found.next;
    this.list.append(...found.data.map((entry) => this.row(entry)));
    this.showKept(found);
    this.more.hidden = found.next === null || this.list.childElementCount >= found.total;
    this.clearing.hidden = found.total === 0 && !this.kind;
    this.showEmpty(found);
  }

  showEmpty({ kept }) {
    const none = this.list.childElementCount === 0;
    this.empty.hidden = !none;
    const hint = kept
      ? "What you search and ask will stand here."
      : "Nothing is added while this is off.";
    setText(this.empty, none ? `Nothing here. ${hint}` : "");
  }

  showKept({ kept, allowed }) {
    this.keeping.setAttribute("aria-checked", String(kept));
    this.keeping.disabled = !allowed;
    replace(this.words, ...keptInWords({ kept, allowed }, this.settings));
    this.kept.hidden = false;
  }

  row(entry) {
    const title =
      entry.query || (entry.example === "audio" ? "Like a recording" : "Like a picture");
    const told = [moment(new Date(entry.asked_at)), outcome(entry), ...narrowed(entry.filters)];
    const forget = iconButton("close", `Forget ${title}`, () => this.forget(entry, item, forget));
    const query = entry.query ? this.title(entry) : el("span.query.soft", {}, title);
    const item = el(
      "li.entry",
      {},
      icon(entry.kind === "ask" ? "ask" : "search"),
      el("div.grow", {}, query, el("p.soft.small", {}, told.join(" · "))),
      forget,
    );
    return item;
  }

  /**
   * What asks or searches the same at once. A link has its words in its address, and a browser
   * writes them down as soon as it is opened in a tab: where they may not stand, it is a button.
   */
  title(entry) {
    const hash = againOf(entry);
    const again = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      this.context.route.choose(hash);
    };
    const element = this.context.route.open
      ? el("a.query", { href: hash, onclick: again }, entry.query)
      : el("button.query", { type: "button", onclick: again }, entry.query);
    this.titles.set(element, entry);
    return element;
  }

  /** Words may stand in addresses from now on, or may not. */
  changeTitles() {
    const wrong = this.context.route.open ? "button.query" : "a.query";
    for (const before of this.list.querySelectorAll(wrong)) {
      const focused = before === document.activeElement;
      const after = this.title(this.titles.get(before));
      before.replaceWith(after);
      if (focused) after.focus();
    }
  }

  forget(entry, item, button) {
    return this.doing(button, async () => {
      await this.context.api.del(`/search/history/${entry.id}`).catch((error) => {
        if (error.status !== 404) throw error; // gone already
      });
      const beside = item.nextElementSibling ?? item.previousElementSibling;
      item.remove();
      focusOn(beside?.querySelector("button") ?? this.heading);
      this.context.announce("Forgotten");
      if (!this.list.childElementCount) await this.load();
    });
  }

  async clear() {
    const sure = await confirmed({
      title: "Clear the history?",
      text: [
        "Every search and question is forgotten, with the answers that programs had kept for them. That cannot be undone.",
        "Your files and the index stay as they are.",
      ],
      action: "Clear history",
    });
    if (!sure) return;
    await this.doing(this.clearing, async () => {
      const { deleted } = await this.context.api.del("/search/history");
      this.context.toast(`Searches and questions forgotten: ${number(deleted)}.`);
      await this.load();
      focusOn(this.heading);
    });
  }

  toggle() {
    return this.doing(this.keeping, async () => {
      const kept = this.keeping.getAttribute("aria-checked") !== "true";
      const found = await this.context.api.post("/search/history", { kept });
      this.showKept(found);
      this.showEmpty(found);
    });
  }
}

function kindOf(params) {
  return KINDS.find(({ kind }) => kind === params.get("kind"))?.kind ?? "";
}

/** What is kept, in words. */
function keptInWords({ kept, allowed }, { entries, days }) {
  if (!allowed) {
    const how = ["Switched off by ", el("code", {}, "[search] history"), " in the configuration; "];
    return [...how, "what was kept before stays until you clear it."];
  }
  if (!kept) return ["Off: nothing is added. What was kept before stays until you clear it."];
  const time = days ? `for ${count(days, "day")}` : "until you clear them";
  return [`On this computer alone, in prismd's index: the last ${number(entries ?? 0)}, ${time}.`];
}

function outcome({ kind, grounding, hits }) {
  if (kind === "ask") return GROUNDINGS[grounding] ?? "answered";
  return hits ? `${count(hits, "result")}` : "nothing found";
}

/** What narrowed it. */
function narrowed(filters) {
  const { type = [], folder = [], path = [], after, before, language = [] } = filters;
  const names = new Map(TYPES);
  return [
    ...type.map((each) => names.get(each) ?? each),
    ...folder.map((each) => `in ${each}`),
    ...path.map((each) => `path ${each}`),
    ...language,
    after ? `from ${after}` : "",
    before ? `to ${before}` : "",
  ].filter(Boolean);
}

/** The address that searches the same again, or has a question in the box: see `again`. */
function againOf({ kind, query, filters }) {
  const { type, folder, after, before } = filters;
  const mode = kind === "search" ? kind : "";
  return hashOf("/", { q: query, mode, type, folder, after, before });
}
