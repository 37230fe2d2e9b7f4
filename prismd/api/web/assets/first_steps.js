// The first steps: which folders may be read, what is still missing, and when there is something
// to ask. Shown from when no folder is watched until the page is left.
//
// Roles for tests: region "First steps"; list "Suggested folders", each item with a button "Watch
// PATH"; list "Missing models" with a button "Copy command"; link "Ask your files"; an alert where
// a folder is refused.
import { act, copy } from "./acting.js";
import { el, icon, replace } from "./dom.js";
import { failure } from "./failure.js";
import { Keyed } from "./keyed.js";
import { count, fileName } from "./labels.js";
import { stateOf } from "./state.js";
import { pathText, setText } from "./text.js";

const PULL = "prismd models pull";
/** What that command installs, and how one does without. */
const WITHOUT = {
  embedding: "files are found by their words only, not by what is meant",
  reranking: "the order of what is found is less good",
  speech: "recordings are found by their names and tags",
};

let begun = false; // of this page: going to another view and back loses nothing

/**
 * @param {import("./app.js").Context} context
 * @param {{leads?: boolean}} [how] Whether it leads to where one asks, once there is something.
 * @returns {{element: HTMLElement, update: (status: Object) => void}}
 */
export function firstSteps(context, { leads = true } = {}) {
  const title = el("h2", { id: "first-steps" });
  const folders = suggestions(context, title);
  const models = missing(context);
  const said = el("p.soft");
  const local = el("p.soft");
  const ask = el("a.button.primary", { href: "#/", hidden: true }, icon("ask"), "Ask your files");
  const element = el(
    "section.card.first-steps",
    { "aria-label": "First steps", hidden: true },
    title,
    local,
    folders.element,
    el("div.going", {}, said, ask),
    models.element,
  );
  function update(status) {
    begun ||= !status.roots.length;
    element.hidden = !begun;
    if (!begun) return;
    const { heading, words } = standing(status);
    setText(title, heading);
    setText(local, locality(status));
    setText(said, words);
    said.hidden = !words;
    ask.hidden = !leads || !status.passages;
    folders.update(status);
    models.update(status);
  }
  return { element, update };
}

function standing(status) {
  if (!status.roots.length) return { heading: "Which folders may prismd read?", words: "" };
  const { title, detail } = stateOf(status);
  const words = [title, detail].filter(Boolean).join(": ");
  if (status.passages) return { heading: "Your files can be asked", words };
  return { heading: "Your files are being read", words };
}

/** What becomes of what is read; a model on another server gets some of it. */
function locality({ models }) {
  const remote = Object.values(models).filter((model) => model.state === "remote");
  const sent = remote.length
    ? `Parts of it are sent to the models that your settings name at ${remote.map((model) => model.detail || "another server").join(" and ")}, and nowhere else.`
    : "Nothing of it is sent anywhere.";
  return `prismd reads what is in them on this computer, and keeps up with every change. ${sent} It never changes a file.`;
}

/** The folders that people keep files in, as far as they are there, each with one button. */
function suggestions(context, title) {
  const list = el("ul.suggestions", { "aria-label": "Suggested folders", hidden: true });
  const told = el("p.soft.small", {}, "Looking for your folders…");
  const trouble = failure();
  const unknown = failure(() => load());
  const rows = new Keyed(list, row, { key: ({ path }) => path, leave: () => focusable(title) });
  /** @type {any[] | null} */
  let found = null;
  let watched = [];
  let loading = false;

  function row({ path, files, whole }) {
    const button = el(
      "button",
      { type: "button", "aria-label": `Watch ${path}` },
      icon("plus"),
      "Watch",
    );
    button.addEventListener("click", () => act(context, button, () => watch(path)));
    return el(
      "li",
      {},
      icon("files"),
      el(
        "div.grow",
        {},
        el("span.name.strong", {}, fileName(path)),
        el("span.path.small.soft", {}, pathText(path), inside(files, whole)),
      ),
      button,
    );
  }

  async function watch(path) {
    try {
      const root = await context.api.post("/roots", { path });
      trouble.clear();
      context.announce(`${root.path} is watched from now on`);
    } catch (error) {
      trouble.tell(error);
    }
  }

  async function load() {
    loading = true;
    try {
      found = (await context.api.get("/roots/suggestions")).data;
      unknown.clear();
      draw();
    } catch (error) {
      told.hidden = true;
      if (!error.unreachable) unknown.tell(error); // that prismd is away, the banner says
    } finally {
      loading = false;
    }
  }

  function draw() {
    if (found === null) return;
    const left = found.filter(({ path }) => !overlaps(path, watched));
    rows.show(left);
    list.hidden = !left.length;
    const none = watched.length ? "" : "None of the usual folders is here with files in it.";
    setText(told, left.length ? "" : none);
    told.hidden = !told.textContent;
  }

  function update({ roots }) {
    const paths = roots.map((root) => root.path);
    const changed = JSON.stringify(paths) !== JSON.stringify(watched);
    watched = paths;
    if (found === null && !loading && unknown.element.hidden) load();
    else if (changed) draw();
  }

  return { element: el("div", {}, told, list, unknown.element, trouble.element), update };
}

function focusable(element) {
  element.tabIndex = -1;
  return element;
}

function inside(files, whole) {
  if (files === null || (!files && !whole)) return "";
  return whole ? ` · ${count(files, "file")}` : ` · more than ${count(files, "file")}`;
}

function overlaps(path, watched) {
  const within = (inner, outer) => inner === outer || inner.startsWith(`${outer}/`);
  return watched.some((other) => within(path, other) || within(other, path));
}

/** Models without which less is found; only a command fetches them, as that goes over the network. */
function missing(context) {
  const list = el("ul.plain-list", { "aria-label": "Missing models" });
  const button = el("button", { type: "button" }, icon("copy"), "Copy command");
  button.addEventListener("click", () => copy(context, PULL, "Command"));
  const element = el(
    "div.note.missing",
    { hidden: true },
    icon("info"),
    el(
      "div.grow",
      {},
      el("p", {}, "Models are missing. Until you run ", el("code", {}, PULL), " in a terminal:"),
      list,
    ),
    button,
  );
  let known = "";
  function update({ models }) {
    const roles = Object.keys(WITHOUT).filter((role) => models[role]?.state === "missing");
    const key = roles.join();
    if (key === known) return;
    known = key;
    element.hidden = !roles.length;
    replace(
      list,
      roles.map((role) => el("li", {}, WITHOUT[role])),
    );
  }
  return { element, update };
}
