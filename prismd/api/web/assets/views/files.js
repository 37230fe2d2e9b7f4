// The files of the index: found by name, type and state; opened, forgotten, looked for alike.
//
// `q`, `type` and `state` stand in the address. For tests: the search box "Name or folder", the
// selects "Type" and "State", the table "Files" with a row for each; its buttons are named after
// the file: "Open …", "Similar pictures to …", "Forget …"; the dialog "Forget this file?"; the
// disclosure "Files that are kept out".
import { confirmed } from "../acting.js";
import { del, get, isAborted } from "../api.js";
import { el, icon, iconButton, replace } from "../dom.js";
import { count, day, fileName, folderOf, size, typeIcon, TYPES } from "../labels.js";
import { hashOf } from "../route.js";

const PAGE = 50;
const TYPING_MS = 250;
const STATES = [
  ["completed", "Read"],
  ["pending", "Waiting"],
  ["processing", "Being read"],
  ["failed", "Failed"],
  ["quarantined", "Given up"],
  ["skipped", "Skipped"],
];
const STATE_NAMES = Object.fromEntries(STATES);

export async function show(main, context) {
  const view = new FilesView(main, context);
  view.apply(context.route.params);
  context.route.follow((params) => view.apply(params));
  return () => view.end();
}

class FilesView {
  constructor(main, context) {
    this.context = context;
    this.name = el("input", {
      type: "search",
      "aria-label": "Name or folder",
      placeholder: "Name or folder",
    });
    this.type = choice("Type", "Any type", TYPES);
    this.state = choice("State", "Any state", STATES);
    this.rows = el("tbody");
    this.summary = el("p.soft.small", { role: "status" });
    this.more = el(
      "button",
      { type: "button", hidden: true, onclick: () => this.load(this.next) },
      "More files",
    );
    this.keptOut = el("details.kept-out", { hidden: true });
    this.table = el(
      "table.files",
      { "aria-label": "Files" },
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          ["Name", "State", "Changed", "Size"].map((name) => el("th", { scope: "col" }, name)),
          el("td"),
        ),
      ),
      this.rows,
    );
    const tools = el(
      "div.files-tools",
      { role: "search", "aria-label": "Files" },
      this.name,
      this.type,
      this.state,
    );
    main.append(
      el("h1", {}, "Files"),
      tools,
      this.summary,
      el(
        "div.table-box",
        { tabindex: "0", role: "group", "aria-label": "Files, scrollable" },
        this.table,
      ),
      this.more,
      this.keptOut,
    );
    this.name.addEventListener("input", () => this.typed());
    for (const select of [this.type, this.state])
      select.addEventListener("change", () => this.narrowed());
    this.showKeptOut();
  }

  end() {
    this.loading?.abort();
    clearTimeout(this.timer);
  }

  apply(params) {
    if (document.activeElement !== this.name) this.name.value = params.get("q") ?? "";
    this.type.value = params.get("type") ?? "";
    this.state.value = params.get("state") ?? "";
    this.load("");
  }

  typed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.narrowed(), TYPING_MS);
  }

  narrowed() {
    this.context.route.rename({
      q: this.name.value,
      type: this.type.value,
      state: this.state.value,
    });
    this.load("");
  }

  async load(after) {
    this.loading?.abort();
    const own = (this.loading = new AbortController());
    const params = {
      q: this.name.value,
      type: this.type.value,
      state: this.state.value,
      limit: PAGE,
      after,
    };
    try {
      const page = await get("/files", { params, signal: own.signal });
      this.fill(page, Boolean(after));
    } catch (error) {
      if (!isAborted(error)) this.context.toast(error.message, { error: true });
    }
  }

  fill(page, goesOn) {
    const rows = page.data.map((file) => this.row(file));
    if (goesOn) this.rows.append(...rows);
    else replace(this.rows, rows);
    this.next = page.next;
    this.total = page.total;
    this.more.hidden = !page.next || this.rows.childElementCount >= page.total;
    this.tell();
    if (goesOn) rows[0]?.querySelector("button")?.focus();
  }

  tell() {
    const narrowed = this.name.value || this.type.value || this.state.value;
    const none = narrowed
      ? "No file is like this. Take a filter away."
      : ["There are no files yet. ", el("a", { href: "#/folders" }, "Add a folder"), "."];
    replace(this.summary, this.total ? count(this.total, "file") : none);
    this.table.hidden = !this.total;
  }

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
      : el("span.file-folder", { title: file.path }, folderOf(file.path));
    const row = el(
      "tr",
      {},
      el(
        "th",
        { scope: "row" },
        el("div.file-name", {}, icon(typeIcon(file.type)), el("div", {}, open, detail)),
      ),
      el(
        "td",
        {},
        el("span.state", { dataset: { state: file.state } }, STATE_NAMES[file.state] ?? file.state),
      ),
      el("td", {}, day(file.modified_at)),
      el("td", {}, size(file.size_bytes)),
      el(
        "td.row-tools",
        {},
        file.type === "image" ? this.similar(file, name) : null,
        iconButton("trash", `Forget ${name}`, (event) =>
          this.forget(file, row, event.currentTarget),
        ),
      ),
    );
    return row;
  }

  similar(file, name) {
    const label = `Similar pictures to ${name}`;
    return el(
      "a.button.icon-button.quiet",
      {
        href: hashOf("/", { mode: "search", image: file.id, type: "image" }),
        "aria-label": label,
        title: label,
      },
      icon("similar"),
    );
  }

  async forget(file, row, opener) {
    if (!(await confirmed(aboutForgetting(file)))) return opener.focus();
    try {
      const { excluded } = await del(`/files/${file.id}`);
      const next = row.nextElementSibling ?? row.previousElementSibling;
      row.remove();
      this.total -= 1;
      this.tell();
      (next?.querySelector("button") ?? this.name).focus();
      const name = fileName(file.path);
      const kept = "and kept out of the index; you can take it back below the list";
      this.context.toast(excluded ? `${name} is forgotten, ${kept}.` : `${name} is forgotten.`);
      this.showKeptOut();
    } catch (error) {
      this.context.toast(error.message, { error: true });
    }
    return undefined;
  }

  async showKeptOut() {
    const { data } = await get("/exclusions").catch(() => ({ data: [] }));
    this.keptOut.hidden = !data.length;
    const items = data.map((each) =>
      el(
        "li",
        {},
        el("span", { title: each.path }, each.path),
        el(
          "button",
          {
            type: "button",
            "aria-label": `Take back ${fileName(each.path)}`,
            onclick: () => this.takeBack(each),
          },
          "Take back",
        ),
      ),
    );
    replace(
      this.keptOut,
      el("summary", {}, `Files that are kept out (${data.length})`),
      el("ul.kept-list", {}, items),
    );
  }

  async takeBack(each) {
    try {
      const { message } = await del(`/exclusions/${each.id}`);
      this.context.toast(message);
      await this.showKeptOut();
    } catch (error) {
      this.context.toast(error.message, { error: true });
    }
  }
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
function aboutForgetting(file) {
  return {
    title: "Forget this file?",
    text: [
      el("strong", {}, fileName(file.path)),
      el("span.file-folder", { title: file.path }, folderOf(file.path, Infinity)),
      "What the index has of it is deleted. A file of a watched folder stays where it is, untouched, and is kept out of the index until you take it back; an upload is deleted with its bytes.",
    ],
    action: "Forget",
  };
}
