// Files into the index: dropped anywhere on the page, or chosen; what became of each, until it can
// be searched. A drop that some part of the page takes for itself (`preventDefault`, as the ask
// box does with a picture) is left to it.
//
// Roles for tests: button "Upload files"; region "Uploads" with a list, each item with the file's
// name, a progressbar named by it, the server's words, and a button "Cancel NAME" or "Hide NAME";
// button "Close uploads".
import { focusOn } from "./acting.js";
import { isAborted } from "./api.js";
import { el, icon, iconButton, replace } from "./dom.js";
import { setText } from "./text.js";
import { size } from "./labels.js";

const AT_ONCE = 2;
const DRAG_OVER_MS = 1_000; // browsers tell of a drag several times a second
const UNREAD = new Set(["pending", "processing"]);

/**
 * Take files from now on.
 *
 * @param {import("./app.js").Context} context
 * @param {HTMLElement} within What cannot be used while something covers it.
 * @returns {HTMLElement} A button that has files chosen.
 */
export function uploads(context, within) {
  const button = iconButton("upload", "Upload files", () => chooser.click());
  const panel = new Panel(context, button);
  const chooser = el("input", { type: "file", multiple: true, hidden: true });
  chooser.addEventListener("change", () => {
    panel.take([...(chooser.files ?? [])]);
    chooser.value = ""; // the same file may be chosen again
  });
  within.append(panel.element, chooser);
  hearDrops(panel);
  return button;
}

/** Have files dropped that no part of the page wants. */
function hearDrops(panel) {
  const veil = el(
    "div.veil",
    { hidden: true },
    el("p", {}, icon("upload"), "Drop files to make them searchable"),
  );
  document.body.append(veil);
  let timer = 0;
  const hide = () => {
    clearTimeout(timer);
    veil.hidden = true;
  };
  const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  // First of all, because what a part of the page takes may never come up to here.
  for (const kind of ["dragover", "drop"]) addEventListener(kind, hide, { capture: true });
  addEventListener("dragover", (event) => {
    if (!event.dataTransfer || !hasFiles(event) || event.defaultPrevented) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    veil.hidden = false;
    timer = setTimeout(hide, DRAG_OVER_MS); // not every browser says that a drag has left
  });
  addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) hide(); // it has left the window
  });
  addEventListener("drop", (event) => {
    if (!hasFiles(event) || event.defaultPrevented) return;
    event.preventDefault();
    const { files, folders } = dropped(event.dataTransfer);
    panel.refuseFolders(folders);
    panel.take(files);
  });
}

/** What was dropped, the folders among it by their names alone. */
function dropped(transfer) {
  const files = [];
  const folders = [];
  for (const item of transfer.items) {
    if (item.kind !== "file") continue;
    const entry = item.webkitGetAsEntry?.();
    if (entry?.isDirectory) folders.push(entry.name);
    else files.push(item.getAsFile());
  }
  return { files: files.filter(Boolean), folders };
}

class Panel {
  heading = el("h2", { id: "uploads-title" }, "Uploads");
  limit = el("p.soft.small");
  list = el("ul", { "aria-labelledby": this.heading.id });
  element = el(
    "section.uploads",
    { "aria-labelledby": this.heading.id, hidden: true },
    el(
      "div.uploads-head",
      {},
      this.heading,
      iconButton("close", "Close uploads", () => this.close()),
    ),
    this.limit,
    this.list,
  );
  /** @type {Set<Row>} */
  rows = new Set();
  /** @type {Row[]} */
  queue = [];
  sending = 0;
  /** @type {number | null} */
  largest = null;

  /**
   * @param {import("./app.js").Context} context
   * @param {HTMLElement} rest Gets the focus when the panel goes.
   */
  constructor(context, rest) {
    this.context = context;
    this.rest = rest;
    context.live.subscribe((heard) => this.heard(heard));
  }

  async take(files) {
    if (!files.length) return;
    this.element.hidden = false;
    const rows = files.map((file) => this.add(file));
    await this.learnLimit();
    for (const row of rows) {
      if (row.ended) continue;
      if (this.largest && row.file.size > this.largest)
        row.refuse(tooLarge(row.file, this.largest));
      else this.queue.push(row);
    }
    this.next();
  }

  refuseFolders(names) {
    if (!names.length) return;
    this.element.hidden = false;
    for (const name of names) {
      const row = new Row(this, { name, size: 0 });
      this.place(row);
      row.refuse([
        "A folder is not uploaded. ",
        el("a", { href: "#/folders" }, "Have prismd watch it"),
        " instead: it is read where it is, and kept up to date.",
      ]);
    }
  }

  add(file) {
    const row = new Row(this, file);
    this.place(row);
    return row;
  }

  place(row) {
    this.rows.add(row);
    this.list.prepend(row.element);
  }

  /** The largest upload, by the settings; without them the server says it. */
  async learnLimit() {
    if (this.largest !== null) return;
    try {
      const { sections } = await this.context.api.get("/settings");
      const all = sections.flatMap((section) => section.settings);
      this.largest = all.find((each) => each.key === "server.max_upload_bytes")?.value ?? 0;
    } catch {
      return; // asked again with the next file
    }
    setText(
      this.limit,
      this.largest ? `Up to ${size(this.largest)} each. Kept in prismd's index.` : "",
    );
  }

  next() {
    while (this.sending < AT_ONCE) {
      const row = this.queue.shift();
      if (!row) return;
      if (row.ended) continue;
      this.sending += 1;
      row.send().finally(() => {
        this.sending -= 1;
        this.next();
      });
    }
  }

  heard({ connected, event }) {
    for (const row of this.rows) {
      if (!row.id || !row.waiting) continue;
      if (event?.type === "file" && row.id === `file-${event.id}`) row.look();
      else if (event === null && connected && row.missed) row.look();
      else if (!connected) row.missed = true;
    }
  }

  drop(row) {
    const next = row.element.nextElementSibling ?? row.element.previousElementSibling;
    this.rows.delete(row);
    if (!this.rows.size) this.hide();
    else if (row.element.contains(document.activeElement)) focusOn(next?.querySelector("button"));
    row.element.remove();
  }

  hide() {
    const held = this.element.contains(document.activeElement);
    this.element.hidden = true;
    if (held) this.rest.focus();
  }

  /** Put away what is done; what is under way goes on, and shows again with the next file. */
  close() {
    this.hide();
    for (const row of [...this.rows]) if (row.ended) this.drop(row);
  }
}

/** One file on its way. */
class Row {
  bar = el("progress", { max: 1, value: 0 });
  words = el("p.small.soft");
  aborting = new AbortController();
  id = "";
  ended = false;
  waiting = false;
  missed = false;

  constructor(panel, file) {
    this.panel = panel;
    this.context = panel.context;
    this.file = file;
    this.bar.setAttribute("aria-label", file.name);
    this.say(`Waiting · ${size(file.size)}`);
    this.button = iconButton("close", `Cancel ${file.name}`, () => this.cancel());
    this.element = el(
      "li.upload",
      {},
      el("div.grow", {}, el("span.name", {}, file.name), this.bar, this.words),
      this.button,
    );
  }

  async send() {
    const form = new FormData();
    form.append("file", this.file);
    this.say("Sending");
    try {
      const answer = await this.context.api.upload("/upload", form, {
        signal: this.aborting.signal,
        onprogress: (sent, total) => this.sent(sent, total),
      });
      this.kept(answer);
    } catch (error) {
      if (!isAborted(error)) this.refuse(error.message);
    }
  }

  sent(done, total) {
    this.bar.max = total;
    this.bar.value = done;
    this.say(done < total ? `Sending ${size(done)} of ${size(total)}` : "Checking");
  }

  /** It is in the index; from now on it is read like any other. */
  kept(answer) {
    this.id = answer.file_id;
    this.say(answer.message);
    if (!UNREAD.has(answer.state)) return this.done(answer.state, answer.message);
    this.waiting = true;
    this.bar.removeAttribute("value");
    this.hideable();
    return this.look(); // it may have been read before this was known
  }

  /** How it stands now. */
  async look() {
    this.missed = false;
    try {
      const file = await this.context.api.get(`/files/${this.id}`);
      if (UNREAD.has(file.state) || this.ended) return;
      const name = this.file.name;
      this.done(file.state, file.error?.message ?? `${name}: can be searched`);
    } catch (error) {
      if (error.unreachable) this.missed = true;
      else this.refuse(error.message);
    }
  }

  done(state, message) {
    if (this.ended) return;
    if (state !== "completed") return this.refuse(message);
    this.end("done");
    this.say(message);
    this.context.announce(message);
  }

  /** @param {string | (string | Node)[]} message */
  refuse(message) {
    this.end("failed");
    replace(this.words, message);
    this.context.announce(`${this.file.name}: ${this.words.textContent}`);
  }

  end(how) {
    this.ended = true;
    this.waiting = false;
    this.element.dataset.state = how;
    this.bar.hidden = true;
    this.hideable();
  }

  hideable() {
    this.button.title = `Hide ${this.file.name}`;
    this.button.setAttribute("aria-label", this.button.title);
  }

  /** Take it back while it is sent; later only its row goes. */
  cancel() {
    this.aborting.abort();
    this.ended = true;
    this.panel.drop(this);
  }

  say(text) {
    setText(this.words, text);
  }
}

function tooLarge(file, largest) {
  return `Too large: ${size(file.size)}, and at most ${size(largest)} are taken. Put it into a watched folder, or raise [server] max_upload_bytes.`;
}
