// The folders that are read: how each is watched, adding one, removing one.
//
// Roles for tests: heading "Folders"; form "Watch a folder" (textbox "Folder's path", button "Watch
// folder", an alert with the server's words where it is refused); list "Watched folders", each item
// with its path, state and a button "Remove PATH"; dialog "Stop watching NAME?" with "Cancel" and
// "Forget folder".
import { act, confirmed, focusOn } from "../acting.js";
import { el, icon, replace } from "../dom.js";
import { number, timeLeft } from "../figures.js";
import { setText } from "../text.js";
import { count, fileName } from "../labels.js";

const STATES = {
  starting: { name: "being looked through", kind: "" },
  watching: { name: "watching", kind: "good" },
  polling: { name: "looked at now and then", kind: "good" },
  offline: { name: "not there now", kind: "warn" },
};

/** @param {import("../app.js").Context} context */
export async function show(main, context) {
  const heading = el("h1", {}, "Folders");
  const list = el("ul.folders", { "aria-label": "Watched folders" });
  const empty = el(
    "p.empty",
    { hidden: true },
    "No folder is watched yet. Name one above; what is in it becomes searchable, and stays where it is.",
  );
  main.append(
    heading,
    el(
      "p.lead",
      {},
      "prismd reads what is in these folders and keeps up with every change. It never changes a file.",
    ),
    form(context),
    list,
    empty,
  );
  const file = await configurationFile(context);
  const rows = new Map();
  const end = context.live.subscribe(({ connected, status }) => {
    if (!status) return;
    empty.hidden = status.roots.length > 0;
    if (dropGone(rows, status.roots)) focusOn(heading);
    for (const root of status.roots) {
      if (!rows.has(root.path)) rows.set(root.path, row(context, root.path, file));
      rows.get(root.path).update(root, connected);
    }
    order(
      list,
      status.roots.map((root) => rows.get(root.path).element),
    );
  });
  return end;
}

/** Take rows away whose folders are; says whether one of them had the focus. */
function dropGone(rows, roots) {
  const paths = new Set(roots.map((root) => root.path));
  let focused = false;
  for (const [path, { element }] of rows) {
    if (paths.has(path)) continue;
    focused ||= element.contains(document.activeElement);
    element.remove();
    rows.delete(path);
  }
  return focused;
}

/** Put rows in their order without moving those that stand right, which would lose the focus. */
function order(list, elements) {
  elements.forEach((element, at) => {
    if (list.children[at] !== element) list.insertBefore(element, list.children[at] ?? null);
  });
}

async function configurationFile(context) {
  try {
    return (await context.api.get("/settings")).file;
  } catch {
    return ""; // it is only mentioned
  }
}

function form(context) {
  const input = el("input", {
    id: "folder-path",
    name: "path",
    type: "text",
    required: true,
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    "aria-describedby": "folder-hint folder-error",
  });
  const error = el("p.field-error", { id: "folder-error", role: "alert" });
  const button = el("button.primary", { type: "submit" }, icon("plus"), "Watch folder");
  const add = async (event) => {
    event.preventDefault();
    refuse("");
    await act(context, button, () => watch(input.value.trim()));
  };
  const watch = async (path) => {
    try {
      const root = await context.api.post("/roots", { path });
      input.value = "";
      context.toast(`${root.path} is watched from now on.`);
    } catch (failure) {
      refuse(failure.message);
      input.focus();
    }
  };
  const refuse = (message) => {
    setText(error, message);
    if (message) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  };
  return el(
    "form.card.add-folder",
    { "aria-label": "Watch a folder", onsubmit: add },
    el("label", { for: input.id }, "Folder's path"),
    el("div.field", {}, input, button),
    el(
      "p.soft.small",
      { id: "folder-hint" },
      "The whole path, such as ",
      el("code", {}, "/home/anna/Documents"),
      "; ",
      el("code", {}, "~"),
      " stands for your home directory.",
    ),
    error,
  );
}

function row(context, path, file) {
  const badge = el("span.badge");
  const counts = el("p.soft.small");
  const detail = el("p.small.detail");
  const remove = el(
    "button",
    { type: "button", "aria-label": `Remove ${path}` },
    icon("trash"),
    "Remove",
  );
  const fixed = el("p.soft.small.fixed", {}, "Named in the configuration");
  const element = el(
    "li.folder.card",
    {},
    el(
      "div.grow",
      {},
      el("div.problem-head", {}, el("span.path.strong", {}, path), badge),
      counts,
      detail,
      fixed,
    ),
    remove,
  );
  let files = 0;
  remove.addEventListener("click", () => forget(context, remove, path, files));
  replace(fixed, ...configured(file));
  function update(root, connected) {
    const state = STATES[root.state];
    files = root.files;
    badge.className = `badge ${root.failing ? "warn" : state.kind}`;
    setText(badge, state.name);
    setText(counts, filesInWords(root));
    setText(detail, root.detail);
    detail.hidden = !root.detail;
    fixed.hidden = !root.configured;
    remove.hidden = root.configured;
    remove.disabled = !connected;
  }
  return { element, update };
}

function filesInWords(root) {
  const left = root.pending ? `${number(root.pending)} to be read` : "";
  return [count(root.files, "file"), left, timeLeft(root.eta_s)].filter(Boolean).join(" · ");
}

/** How a folder of the configuration is removed. */
function configured(file) {
  const place = file ? ["Named in ", el("code", {}, file)] : ["Named in the configuration"];
  return [...place, ". Take it out there, then run ", el("code", {}, "prismd config reload"), "."];
}

async function forget(context, button, path, files) {
  const sure = await confirmed({
    title: `Stop watching ${fileName(path)}?`,
    text: [
      `prismd forgets what it read in ${path} (${count(files, "file")}): nothing of it is found or cited any more.`,
      "The files themselves stay as they are. Watched again, the folder is read anew.",
    ],
    action: "Forget folder",
  });
  if (!sure) return;
  await act(context, button, async () => {
    const removed = await context.api.del("/roots", { params: { path } });
    context.toast(
      `${fileName(path)} is watched no more; ${count(removed.files, "file")} forgotten.`,
    );
  });
}
