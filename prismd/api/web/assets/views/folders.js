// The folders that are read: how each is watched, adding one, removing one.
//
// Roles for tests: heading "Folders"; region "First steps" while there is none (first_steps.js);
// form "Watch a folder" (folder_form.js); list "Watched folders", each item with its path, state, a
// button "Remove PATH", and an alert where that fails; dialog "Stop watching NAME?" with "Cancel"
// and "Forget folder".
import { act, confirmed, focusOn } from "../acting.js";
import { allow, el, icon, isAllowed } from "../dom.js";
import { failure } from "../failure.js";
import { number, timeLeft } from "../figures.js";
import { firstSteps } from "../first_steps.js";
import { folderForm } from "../folder_form.js";
import { pathText, setText } from "../text.js";
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
  const lead = el(
    "p.lead",
    {},
    "prismd reads what is in these folders and keeps up with every change. It never changes a file.",
  );
  const empty = el("p.empty", { hidden: true }, "No folder is watched yet.");
  const steps = firstSteps(context);
  main.append(heading, lead, steps.element, folderForm(context), list, empty);
  const file = await configurationFile(context);
  const rows = new Map();
  const end = context.live.subscribe(({ connected, status }) => {
    if (!status) return;
    steps.update(status);
    lead.hidden = !steps.element.hidden; // which says the same
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
  // All it shows comes with the status; of a button that failed, what it said is over.
  return { end, retry: () => rows.forEach(({ trouble }) => trouble.clear()) };
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
  const fixed = el("p.soft.small.fixed", {}, configured(file));
  const trouble = failure();
  const element = el(
    "li.folder.card",
    {},
    el(
      "div.grow",
      {},
      el("div.problem-head", {}, el("span.path.strong", {}, pathText(path)), badge),
      counts,
      detail,
      fixed,
      trouble.element,
    ),
    remove,
  );
  let files = 0;
  remove.addEventListener("click", () => forget(context, { button: remove, path, files, trouble }));
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
    allow(remove, connected);
  }
  return { element, update, trouble };
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

async function forget(context, { button, path, files, trouble }) {
  if (!isAllowed(button)) return;
  const sure = await confirmed({
    title: `Stop watching ${fileName(path)}?`,
    text: [
      el("span.path.soft", {}, pathText(path)),
      `prismd forgets what it read there (${count(files, "file")}): nothing of it is found or cited any more.`,
      "The files themselves stay as they are. Watched again, the folder is read anew, which takes as long as it did the first time.",
    ],
    action: "Forget folder",
  });
  if (!sure) return;
  await act(context, button, async () => {
    try {
      const removed = await context.api.del("/roots", { params: { path } });
      context.toast(
        `${fileName(path)} is watched no more; ${count(removed.files, "file")} forgotten.`,
      );
    } catch (error) {
      trouble.tell(error);
    }
  });
}
