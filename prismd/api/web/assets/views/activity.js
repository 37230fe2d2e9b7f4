// What prismd is doing, and what keeps it from it; below, the files that gave nothing.
//
// Roles for tests: heading "Activity"; region "State" (heading = the state in words, progressbar
// "Files read", buttons "Pause for 15 minutes", "Pause for 1 hour", "Pause until I resume",
// "Resume", "Go on now", "Rescan folders"; while vectors are made the progressbar is "Passages
// searchable by meaning"); list "Files in hand" (each with a progressbar named by
// the file); list "Notices" (see notices.js); region "Index"; table "Models"; region "Files with problems"
// (see problems.js).
import { allow, el, icon, replace } from "../dom.js";
import { number, percent, timeLeft } from "../figures.js";
import { notices } from "../notices.js";
import { problems } from "../problems.js";
import { makesVectors, pace, progressOf, stateOf } from "../state.js";
import { PAUSES, pause, rescan, resume } from "../switches.js";
import { literal, pathText, setText } from "../text.js";
import { clock, fileName, seen, size, whereIn } from "../labels.js";

/** @param {import("../app.js").Context} context */
export async function show(main, context) {
  const parts = [state(context), hand(), index(), models()];
  const files = problems(context);
  main.append(el("h1", {}, "Activity"), ...parts.map((part) => part.element), files.element);
  let said = "";
  const end = context.live.subscribe(({ connected, status }) => {
    if (!status) return;
    for (const part of parts) part.update(status, connected);
    const { title } = stateOf(status);
    if (said && title !== said) context.announce(title);
    said = title;
  });
  return {
    end: () => {
      end();
      files.end();
    },
    retry: files.retry,
  };
}

/** The state, how far it has come, and the switches. */
function state(context) {
  const title = el("h2", { id: "state-title" });
  const detail = el("p.soft");
  const bar = el("progress", { max: 1 });
  const dot = el("span.dot", { "aria-hidden": "true" });
  const notes = notices(context);
  const switches = switchesOf(context);
  const element = el(
    "section.card.standing",
    { "aria-label": "State" },
    el("div.standing-head", {}, dot, el("div.grow", {}, title, detail)),
    bar,
    notes.element,
    switches.element,
  );
  function update(status, connected) {
    const now = stateOf(status);
    element.dataset.tone = connected ? now.tone : "off";
    setText(title, now.title);
    setText(detail, [now.detail, pace(status)].filter(Boolean).join(" · "));
    draw(bar, status);
    notes.update(status);
    switches.update(status, connected);
  }
  return { element, update };
}

/** How far the files are read; after that, how many of their passages have vectors. */
function draw(bar, status) {
  const vectors = makesVectors(status);
  const { done, total } = vectors
    ? { done: status.passages_embedded, total: status.passages }
    : progressOf(status);
  bar.setAttribute("aria-label", vectors ? "Passages searchable by meaning" : "Files read");
  bar.hidden = !status.left && !vectors;
  bar.max = Math.max(total, 1);
  bar.value = done;
}

function switchesOf(context) {
  const make = (kind, name, words, work) => {
    const button = el(`button${kind}`, { type: "button", "aria-label": name }, words);
    button.addEventListener("click", () => work(button));
    return button;
  };
  const pauses = PAUSES.map(({ for_s, short, name }) =>
    make("", name, short, (button) => pause(context, button, for_s)),
  );
  const pausing = el("div.buttons", { role: "group", "aria-label": "Pause for" });
  pausing.append(
    el("span.soft", { "aria-hidden": "true" }, icon("pause"), " Pause for"),
    ...pauses,
  );
  const goOn = make(".primary", "Resume", [icon("play"), "Resume"], (b) => resume(context, b));
  const now = make(".primary", "Go on now", [icon("play"), "Go on now"], (b) =>
    resume(context, b, { override: true }),
  );
  const look = make("", "Rescan folders", [icon("retry"), "Rescan folders"], (b) =>
    rescan(context, b),
  );
  const element = el("div.switches", {}, goOn, now, pausing, look);
  function update(status, connected) {
    const by = status.state === "paused" ? status.paused?.by : undefined;
    const focused = element.querySelector(":focus");
    goOn.hidden = by !== "you";
    now.hidden = by !== "schedule";
    pausing.hidden = by === "you";
    for (const button of [goOn, now, look, ...pauses]) allow(button, connected);
    if (focused && !focused.checkVisibility()) {
      [goOn, now, ...pauses].find((button) => button.checkVisibility())?.focus();
    }
  }
  return { element, update };
}

/** The files that are being read. */
function hand() {
  const list = el("ul.hand", { "aria-label": "Files in hand" });
  const element = el("section", { "aria-label": "Being read" }, el("h2", {}, "Being read"), list);
  const rows = new Map();
  function update(status) {
    // Between two files it stays where it is.
    element.hidden = !status.current.length && !(status.state === "indexing" && status.left);
    const paths = new Set(status.current.map((each) => each.path));
    for (const [path, row] of rows) {
      if (paths.has(path)) continue;
      row.element.remove();
      rows.delete(path);
    }
    for (const each of status.current) {
      if (!rows.has(each.path)) rows.set(each.path, fileInHand(each.path));
      const row = rows.get(each.path);
      row.update(each);
      list.append(row.element);
    }
  }
  return { element, update };
}

function fileInHand(path) {
  const stage = el("span.soft.small");
  const bar = el("progress", { "aria-label": fileName(path) });
  const name = el("span.name", { title: seen(path) }, fileName(path));
  const element = el(
    "li",
    {},
    el("div.hand-head", {}, name, stage),
    bar,
    el("span.path.small.soft", {}, pathText(whereIn(path, Infinity))),
  );
  function update(each) {
    setText(stage, [stageInWords(each), timeLeft(each.eta_s)].filter(Boolean).join(" · "));
    if (each.total > 0) {
      bar.max = each.total;
      bar.value = Math.min(each.done, each.total);
    } else bar.removeAttribute("value");
  }
  return { element, update };
}

function stageInWords({ stage, done, total }) {
  if (stage === "transcribing") return `${stage} ${clock(done)} of ${clock(total)}`;
  return done ? `${stage} ${number(done)} of ${number(total)}` : stage;
}

/** The counts of the index. */
function index() {
  const figures = FIGURES.map(({ name, value }) => ({ value, shown: el("dd"), term: name }));
  const element = el(
    "section",
    { "aria-label": "Index" },
    el("h2", {}, "Index"),
    el(
      "dl.tally",
      {},
      figures.map(({ term, shown }) => el("div", {}, el("dt", {}, term), shown)),
    ),
  );
  function update(status) {
    for (const { value, shown } of figures) setText(shown, value(status));
  }
  return { element, update };
}

const FIGURES = [
  { name: "Files", value: ({ files }) => number(files.total) },
  { name: "Read", value: ({ files }) => number(files.completed) },
  { name: "To be read", value: ({ files }) => number(files.pending + files.processing) },
  { name: "Failed", value: ({ files }) => number(files.failed) },
  { name: "Quarantined", value: ({ files }) => number(files.quarantined) },
  { name: "Skipped", value: ({ files }) => number(files.skipped) },
  { name: "Passages", value: ({ passages }) => number(passages) },
  {
    name: "Searchable by meaning",
    value: ({ passages, passages_embedded: embedded }) =>
      passages ? percent(embedded, passages) : "–",
  },
  { name: "Size of the index", value: (status) => size(status.index_bytes) },
];

const ROLES = {
  embedding: "Search by meaning",
  reranking: "Order of the results",
  generation: "Writing answers",
  image: "Pictures",
  speech: "Recordings",
};
const MODEL_STATES = {
  ready: "ready",
  loaded: "loaded",
  missing: "not installed",
  error: "not working",
  off: "switched off",
  remote: "another server",
};

/** What does which work, and what is to be done where it does not. */
function models() {
  const rows = el("tbody");
  const element = el(
    "section",
    { "aria-label": "Models" },
    el("h2", { id: "models-title" }, "Models"),
    el(
      "div.scroll",
      {},
      el(
        "table.plain.models",
        { "aria-labelledby": "models-title" },
        el(
          "thead",
          {},
          el(
            "tr",
            {},
            ["For", "Model", "State"].map((h) => el("th", { scope: "col" }, h)),
          ),
        ),
        rows,
      ),
    ),
  );
  let known = "";
  function update(status) {
    const key = JSON.stringify(status.models);
    if (key === known) return;
    known = key;
    replace(
      rows,
      Object.entries(status.models).map(([role, model]) => modelRow(role, model)),
    );
  }
  return { element, update };
}

function modelRow(role, { name, state: how, detail }) {
  const amiss = how === "missing" || how === "error";
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, ROLES[role] ?? role),
    el("td", {}, name || "none"),
    el(
      "td",
      {},
      el(amiss ? "span.badge.warn" : "span.badge", {}, MODEL_STATES[how] ?? how),
      detail ? el("span.soft.small.below", {}, literal(detail)) : null,
    ),
  );
}
