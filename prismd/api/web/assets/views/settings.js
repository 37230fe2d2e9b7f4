// What is set, where, and how to change it; nothing is changed here but how the page looks.
//
// Roles for tests: heading "Settings"; radiogroup "Appearance" with the radios "As the system", "Light",
// "Dark"; region "Configuration file" (its path, buttons "Copy path" and "Reload"); searchbox "Find a setting";
// checkbox "Only what was changed"; for each section a table of its name, each row headed by a
// setting's key; an alert where they cannot be had (failure.js).
import { act, copy } from "../acting.js";
import { el, icon, replace } from "../dom.js";
import { failure } from "../failure.js";
import { staleInWords } from "../state.js";
import { chooseTheme, chosenTheme, ontheme } from "../themes.js";
import { literal } from "../text.js";
import { count } from "../labels.js";

const THEMES = [
  { theme: "auto", name: "As the system" },
  { theme: "light", name: "Light" },
  { theme: "dark", name: "Dark" },
];
const TITLES = { "": "Data", folders: "Folders" };

/** @param {import("../app.js").Context} context */
export async function show(main, context) {
  const looks = appearance();
  const place = el("div.listing");
  let aborting = new AbortController();
  const trouble = failure(() => load());
  main.append(el("h1", {}, "Settings"), looks.element, trouble.element, place);
  const sought = { words: "", changed: false };
  let waiting = "";
  const load = async () => {
    aborting.abort();
    aborting = new AbortController();
    const options = { signal: aborting.signal };
    try {
      const [found, history] = await Promise.all([
        context.api.get("/settings", options),
        context.api.get("/search/history", { ...options, params: { limit: 1 } }),
      ]);
      const focused = place.querySelector(":focus")?.id;
      replace(place, ...listing(context, { found, history, sought, load }));
      if (focused) document.getElementById(focused)?.focus();
      trouble.clear();
    } catch (error) {
      if (options.signal.aborted) return;
      trouble.tell(error); // settings that are shown already are told apart by it
    }
  };
  await load();
  // Read once more when the configuration was.
  const end = context.live.subscribe(({ status, connected }) => {
    if (!status || !connected) return;
    const now = JSON.stringify([
      status.after_restart,
      status.config_fault,
      status.stale,
      status.started_at,
    ]);
    if (waiting && now !== waiting) load();
    waiting = now;
  });
  return {
    end: () => {
      aborting.abort();
      end();
      looks.end();
    },
    retry: trouble.retry,
  };
}

/** Light or dark; kept by this browser. */
function appearance() {
  const radios = THEMES.map(({ theme, name }) => {
    const input = el("input", {
      type: "radio",
      name: "theme",
      value: theme,
      onchange: () => chooseTheme(theme),
    });
    return { theme, input, label: el("label.choice", {}, input, name) };
  });
  const mark = () => {
    for (const { theme, input } of radios) input.checked = theme === chosenTheme();
  };
  mark();
  const element = el(
    "section.card",
    { "aria-labelledby": "appearance" },
    el("h2", { id: "appearance" }, "Appearance"),
    el(
      "div.choices",
      { role: "radiogroup", "aria-labelledby": "appearance" },
      radios.map(({ label }) => label),
    ),
    el("p.soft.small", {}, "Kept by this browser."),
  );
  return { element, end: ontheme(mark) };
}

function listing(context, { found, history, sought, load }) {
  const sections = found.sections.filter((section) => section.settings.length);
  const tables = sections.map((section) => table(section, found, history));
  const empty = el("p.empty", { hidden: true }, "No setting is like that.");
  return [
    fileCard(context, found, load),
    search(tables, empty, sought),
    ...tables.map(({ element }) => element),
    empty,
  ];
}

function fileCard(context, { file, exists, reload, fault, after_restart: waits, stale }, load) {
  const how = exists
    ? "Change it there, then reload it"
    : "There is no such file yet; make it, then reload it";
  const notes = [
    fault
      ? el("p.note.error", { role: "alert" }, icon("warning"), el("span.grow", {}, fault))
      : null,
    waits.length
      ? note(`Changed settings that wait for the next start: ${waits.join(", ")}`)
      : null,
    ...stale.map((each) => note(staleInWords(each), each.command)),
  ];
  const again = el("button", { type: "button", id: "reload" }, icon("retry"), "Reload");
  again.addEventListener("click", () => readAgain(context, again, load));
  return el(
    "section.card.config-file",
    { "aria-label": "Configuration file" },
    el("h2", {}, "Configuration file"),
    el(
      "div.field",
      {},
      el("code.path.grow", {}, file),
      el(
        "button",
        { type: "button", onclick: () => copy(context, file, "Path") },
        icon("copy"),
        "Copy path",
      ),
    ),
    el(
      "div.field",
      {},
      el("p.soft.small.grow", {}, how, ", here or by ", el("code", {}, reload), "."),
      again,
    ),
    notes,
  );
}

/** Have prismd go by what the file says now. */
function readAgain(context, button, load) {
  return act(context, button, async () => {
    const found = await context.api.post("/config/reload");
    const told = [
      [found.applied, "changed"],
      [found.after_restart, "waiting for the next start"],
      [found.added, "watched from now on"],
      [found.removed.map((each) => each.path), "watched no more"],
    ].filter(([names]) => names.length);
    const words = told.map(([names, how]) => `${names.join(", ")}: ${how}.`).join(" ");
    context.toast(words || "Nothing has changed.");
    await load();
  });
}

function note(text, command) {
  const run = command ? [" Run ", el("code", {}, command), "."] : null;
  return el("p.note", {}, icon("info"), el("span.grow", {}, text, run));
}

/** A box that leaves the settings which hold its words, and one for what was changed. */
function search(tables, empty, sought) {
  const input = el("input", {
    type: "search",
    autocomplete: "off",
    id: "setting-words",
    value: sought.words,
    "aria-label": "Find a setting",
    placeholder: "Find a setting",
  });
  const changed = el("input", { type: "checkbox", id: "setting-changed", checked: sought.changed });
  const told = el("span.visually-hidden", { role: "status" });
  const narrow = () => {
    sought.words = input.value;
    sought.changed = changed.checked;
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const left = tables.reduce((sum, each) => sum + each.narrow(words, changed.checked), 0);
    empty.hidden = left > 0;
    told.textContent = words.length || changed.checked ? `${count(left, "setting")}` : "";
  };
  input.addEventListener("input", narrow);
  changed.addEventListener("change", narrow);
  narrow();
  return el(
    "div.toolbar",
    { role: "search" },
    input,
    el("label.choice", {}, changed, "Only what was changed"),
    told,
  );
}

function table(section, found, history) {
  const id = `section-${section.name || "data"}`;
  const rows = section.settings.map((setting) => row(setting, found, history));
  const element = el(
    "section.settings",
    { "aria-labelledby": id },
    el("h2", { id }, TITLES[section.name] ?? el("code", {}, `[${section.name}]`)),
    section.about ? el("p.soft.small", {}, literal(section.about)) : null,
    el(
      "table.plain.settings-table",
      { "aria-labelledby": id },
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          ["Setting", "Value", "Set by"].map((h) => el("th", { scope: "col" }, h)),
        ),
      ),
      el(
        "tbody",
        {},
        rows.map((each) => each.element),
      ),
    ),
  );
  function narrow(words, changedOnly) {
    let left = 0;
    for (const each of rows) {
      const fits =
        words.every((word) => each.text.includes(word)) && (!changedOnly || each.changed);
      each.element.hidden = !fits;
      left += fits;
    }
    element.hidden = !left;
    return left;
  }
  return { element, narrow };
}

function row(setting, found, history) {
  const name = setting.key.split(".").pop();
  const folder = setting.key.startsWith("folders.");
  const changed = setting.source !== "default";
  const notes = notesOf(setting, found, history);
  const element = el(
    changed ? "tr.changed" : "tr",
    {},
    el(
      "th",
      { scope: "row" },
      folder ? valueOf(setting.value.path) : el("code", {}, name),
      setting.about ? el("p.soft.small", {}, literal(setting.about)) : null,
    ),
    el(
      "td",
      {},
      folder ? folderOptions(setting.value) : valueOf(setting.value),
      defaultOf(setting, changed),
      notes,
    ),
    el("td.small", {}, sourceOf(setting, found)),
  );
  return {
    element,
    changed,
    text: `${setting.key} ${setting.about} ${JSON.stringify(setting.value)}`.toLowerCase(),
  };
}

function valueOf(value) {
  return el("code.value", {}, typeof value === "string" && value ? value : JSON.stringify(value));
}

function folderOptions({ path, ...options }) {
  const set = Object.entries(options);
  if (!set.length) return el("span.soft.small", {}, "nothing besides");
  return set.map(([name, value]) =>
    el("div", {}, el("code", {}, `${name} = ${JSON.stringify(value)}`)),
  );
}

function defaultOf(setting, changed) {
  const same = JSON.stringify(setting.value) === JSON.stringify(setting.default);
  if (!changed || same || setting.default === null) return null;
  return el("p.soft.small", {}, "instead of ", valueOf(setting.default));
}

function notesOf(setting, { after_restart: waits }, history) {
  const told = [];
  if (waits.includes(setting.key)) told.push("Changed; holds from the next start on");
  if (setting.key === "search.history" && history.allowed && !history.kept) {
    told.push(el("a", { href: "#/history" }, "Switched off on the page"));
  }
  return told.map((each) => el("p.small.detail", {}, each));
}

function sourceOf({ source, place }, { file }) {
  if (source === "default") return el("span.soft", {}, "default");
  if (source === "flag") return "command line";
  if (source === "environment") return el("code", {}, place);
  return place === file ? "the file" : el("code", {}, place);
}
