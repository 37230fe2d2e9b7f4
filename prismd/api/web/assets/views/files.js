// The files of the index: found by name, type and state; opened, forgotten, looked for alike. What
// becomes of files shows by itself.
//
// `q`, `type` and `state` stand in the address. For tests: the search box "Name or folder", the
// selects "Type" and "State", the table "Files" with a row for each; its buttons are named after
// the file: "Open …", "Similar pictures to …", "Forget …"; button "More files"; the dialog "Forget
// this file?"; the disclosure "Files that are kept out" (kept_out.js); an alert where the files
// cannot be had (failure.js).
import { act, confirmed } from "../acting.js";
import { del, get, isAborted } from "../api.js";
import { el, icon, iconButton, replace } from "../dom.js";
import { failure } from "../failure.js";
import { keptOut } from "../kept_out.js";
import { Keyed } from "../keyed.js";
import { count, day, fileName, folderOf, seen, size, typeIcon, TYPES, whereIn } from "../labels.js";
import { unable } from "../pictures.js";
import { hashOf } from "../route.js";
import { pathText } from "../text.js";

const PAGE = 50;
const LARGEST_PAGE = 500;
const TYPING_MS = 250;
const REST_MS = 500; // files may come to a state many times a second
const REST_TIMES = 5; // a look is rested upon for so many times as long as it took
const LONGEST_REST_MS = 5_000;
const STATES = [
  ["completed", "Read"],
  ["pending", "Waiting"],
  ["processing", "Being read"],
  ["failed", "Failed"],
  ["quarantined", "Quarantined"],
  ["skipped", "Skipped"],
];
const STATE_NAMES = Object.fromEntries(STATES);
const SWEPT = ["added", "changed", "moved", "removed"];

/** @param {import("../app.js").Context} context */
export async function show(main, context) {
  const view = new FilesView(main, context);
  view.apply(context.route.params);
  context.route.follow((params) => view.apply(params));
  return { end: () => view.end(), retry: () => view.retry() };
}

class FilesView {
  /** @type {HTMLInputElement} */
  name;
  /** @type {HTMLSelectElement} */
  type;
  /** @type {HTMLSelectElement} */
  state;
  /** @type {HTMLElement} */
  summary;
  /** @type {ReturnType<typeof failure>} */
  trouble;
  /** @type {Keyed<any>} */
  rows;
  /** @type {HTMLElement} */
  table;
  /** @type {HTMLButtonElement} */
  more;
  /** @type {ReturnType<typeof keptOut>} */
  keptOut;

  constructor(main, context) {
    this.context = context;
    this.loading = null;
    this.counts = "";
    this.connected = true;
    this.dueAt = 0;
    this.build(main);
    this.name.addEventListener("input", () => this.typed());
    for (const select of [this.type, this.state])
      select.addEventListener("change", () => this.narrowed());
    this.unsubscribe = context.live.subscribe((heard) => this.heard(heard));
  }

  build(main) {
    const name = "Name or folder";
    // A browser writes the words of fields that it may complete to the disk.
    const field = { type: "search", autocomplete: "off", "aria-label": name, placeholder: name };
    this.name = el("input", field);
    this.type = choice("Type", "Any type", TYPES);
    this.state = choice("State", "Any state", STATES);
    this.summary = el("p.soft.small.summary");
    this.trouble = failure(() => this.load());
    const body = el("tbody");
    this.rows = new Keyed(body, (file) => this.row(file), {
      key: (file) => file.id,
      leave: () => this.name,
    });
    const headings = ["Name", "State", "Changed", "Size"];
    this.table = el(
      "table.files",
      { "aria-label": "Files", hidden: true },
      el(
        "thead",
        {},
        el("tr", {}, [...headings.map((each) => el("th", { scope: "col" }, each)), el("td")]),
      ),
      body,
    );
    this.more = el(
      "button.more",
      { type: "button", hidden: true, onclick: () => this.loadMore() },
      "More files",
    );
    this.keptOut = keptOut(this.context);
    const tools = { role: "search", "aria-label": "Files" };
    const box = { tabindex: "0", role: "group", "aria-label": "Files, scrollable" };
    main.append(
      el("h1", {}, "Files"),
      el("div.files-tools", tools, this.name, this.type, this.state),
      this.summary,
      this.trouble.element,
      el("div.table-box", box, this.table),
      this.more,
      this.keptOut.element,
    );
    this.keptOut.load();
  }

  end() {
    this.unsubscribe();
    this.loading?.abort();
    clearTimeout(this.typing);
    clearTimeout(this.looking);
  }

  /** Load what did not come. */
  retry() {
    if (this.trouble.holds()) this.refresh();
    this.keptOut.retry();
  }

  apply(params) {
    if (document.activeElement !== this.name) this.name.value = params.get("q") ?? "";
    this.type.value = params.get("type") ?? "";
    this.state.value = params.get("state") ?? "";
    this.load();
  }

  typed() {
    clearTimeout(this.typing);
    this.typing = setTimeout(() => this.narrowed(), TYPING_MS);
  }

  async narrowed() {
    this.context.route.rename({
      q: this.name.value,
      type: this.type.value,
      state: this.state.value,
    });
    await this.load();
    if (this.trouble.element.hidden) this.context.announce(this.summary.textContent);
  }

  // What there is

  /** The first files that the filters leave; those of other filters do not stay for it. */
  load() {
    return this.during(async (signal) => {
      try {
        this.fill(await this.page({ limit: PAGE, signal }));
      } catch (error) {
        if (!isAborted(error)) this.empty();
        throw error;
      }
    });
  }

  loadMore() {
    const at = this.rows.size;
    const limit = Math.min(Math.max(at, PAGE), LARGEST_PAGE);
    return this.during(async (signal) => {
      const page = await this.page({ after: this.next, limit, signal });
      this.rows.append(page.data);
      this.tell(page);
      this.rows.first(at)?.focus();
    });
  }

  /** As many as are shown, as they are by now; where all were, so are those that have come. */
  refresh() {
    return this.during(async (signal) => {
      const most = this.rows.size + (this.more.hidden ? PAGE : 0);
      const files = [];
      let page = { next: "" };
      do {
        const limit = Math.min(most - files.length, LARGEST_PAGE);
        page = await this.page({ after: page.next, limit, signal });
        files.push(...page.data);
      } while (page.next && files.length < most);
      this.fill({ ...page, data: files });
    });
  }

  page({ after = "", limit, signal }) {
    const narrowed = { q: this.name.value, type: this.type.value, state: this.state.value };
    return get("/files", { params: { ...narrowed, limit, after }, signal });
  }

  /** One request at a time: the latest; what fails is said in the list's place. */
  async during(work) {
    this.loading?.abort();
    const own = (this.loading = new AbortController());
    const began = performance.now();
    try {
      await work(own.signal);
      this.trouble.clear();
    } catch (error) {
      // Files that are shown already stand; that prismd is away, the banner says.
      if (!(error.unreachable && this.rows.size)) this.trouble.tell(error);
    } finally {
      const now = performance.now();
      this.dueAt = now + Math.min(REST_TIMES * (now - began), LONGEST_REST_MS);
      if (this.loading === own) this.loading = null;
    }
  }

  fill(page) {
    this.rows.show(page.data);
    this.tell(page);
  }

  empty() {
    this.rows.show([]);
    replace(this.summary);
    this.table.hidden = true;
    this.more.hidden = true;
  }

  tell({ total, next }) {
    this.next = next;
    this.total = total;
    const shown = this.rows.size;
    const narrowed = this.name.value || this.type.value || this.state.value;
    const none = narrowed
      ? "No file is like this. Take a filter away."
      : ["There are no files yet. ", el("a", { href: "#/folders" }, "Add a folder"), "."];
    const part = shown < total ? `, the first ${shown.toLocaleString()} shown` : "";
    const told = total ? count(total, "file") + part : none;
    // What has the focus, or is being read, stays.
    if (typeof told !== "string" || this.summary.textContent !== told) replace(this.summary, told);
    this.table.hidden = !total;
    this.more.hidden = !next || shown >= total;
  }

  // What happens

  heard({ connected, status, event }) {
    if (!status) return;
    this.table.toggleAttribute("data-no-similar", Boolean(unable(status)));
    const counts = JSON.stringify(status.files);
    const changed =
      event?.type === "file" ||
      (event?.type === "sweep" && SWEPT.some((what) => event[what])) ||
      counts !== this.counts ||
      connected !== this.connected;
    this.counts = counts;
    this.connected = connected;
    if (changed && connected) this.lookSoon();
  }

  lookSoon() {
    if (this.looking) return;
    const wait = Math.max(REST_MS, this.dueAt - performance.now());
    this.looking = setTimeout(() => {
      this.looking = 0;
      if (this.loading) this.lookSoon();
      else this.refresh();
    }, wait);
  }

  // A file

  row(file) {
    const name = fileName(file.path);
    const open = el(
      "button.file-open",
      {
        type: "button",
        "aria-label": `Open ${name}`,
        onclick: (event) => this.context.viewer.open({ file }, event.currentTarget),
      },
      name,
    );
    const detail = file.error
      ? el("span.file-error", {}, file.error.message)
      : el("span.file-folder", { title: seen(file.path) }, pathText(whereIn(file.path)));
    const forget = iconButton("trash", `Forget ${name}`, () => this.forget(file));
    const state = STATE_NAMES[file.state] ?? file.state;
    return el(
      "tr",
      { dataset: { state: file.state } },
      el(
        "th",
        { scope: "row" },
        el("div.file-name", {}, icon(typeIcon(file.type)), el("div", {}, open, detail)),
      ),
      el("td", {}, el("span.state", { dataset: { state: file.state } }, state)),
      el("td", {}, day(file.modified_at)),
      el("td", {}, size(file.size_bytes)),
      el("td.row-tools", {}, file.type === "image" ? similar(file, name) : null, forget),
    );
  }

  async forget(file) {
    const sure = await confirmed(aboutForgetting(file));
    const button = this.focusOn(file); // not that of before: the row may be another by now
    if (!sure) return;
    await act(this.context, button, async () => {
      try {
        this.forgotten(file, (await del(`/files/${file.id}`)).excluded);
      } catch (error) {
        if (error.status === 404) this.forgotten(file, false);
        else this.trouble.tell(error);
      }
    });
  }

  /** @returns {HTMLElement} What has the focus now. */
  focusOn(file) {
    const own = this.rows.of(file.id)?.querySelector(".row-tools button");
    const button = /** @type {HTMLElement} */ (own ?? this.name);
    button.focus();
    return button;
  }

  forgotten(file, excluded) {
    if (this.rows.of(file.id)) {
      this.rows.remove(file.id);
      this.tell({ total: this.total - 1, next: this.next });
    }
    this.trouble.clear();
    const name = fileName(file.path);
    const kept = "and kept out of the index; you can take it back below the list";
    this.context.toast(excluded ? `${name} is forgotten, ${kept}.` : `${name} is forgotten.`);
    this.keptOut.load();
  }
}

function similar(file, name) {
  const label = `Similar pictures to ${name}`;
  return el(
    "a.button.icon-button.quiet.similar",
    {
      href: hashOf("/", { mode: "search", image: file.id, type: "image" }),
      "aria-label": label,
      title: label,
    },
    icon("similar"),
  );
}

function choice(label, any, options) {
  return el(
    "select",
    { "aria-label": label },
    el("option", { value: "" }, any),
    options.map(([value, name]) => el("option", { value }, name)),
  );
}

/** What is asked before a file is forgotten. */
function aboutForgetting({ path }) {
  const uploaded = !path.startsWith("/");
  return {
    title: "Forget this file?",
    text: [
      el("strong.name", {}, fileName(path)),
      uploaded ? "Uploaded" : el("span.file-folder.whole", {}, pathText(folderOf(path, Infinity))),
      uploaded
        ? "What the index has of it is deleted, and the upload itself with it. That cannot be undone; you can upload it again."
        : "What the index has of it is deleted. The file itself stays where it is, untouched, and is kept out of the index until you take it back.",
    ],
    action: "Forget",
  };
}
