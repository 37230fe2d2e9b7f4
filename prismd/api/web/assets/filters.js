// What narrows a search or an answer: types, folders, dates. They live in the address.
//
// For tests: the button "Filters" opens a region of that name; active ones stand in the list
// "Active filters" as buttons named "Remove filter …".
import { el, icon, replace } from "./dom.js";
import { seen, tails, TYPES } from "./labels.js";

const NAMES = ["type", "folder", "after", "before"];
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const FIRST_DAY = "1000-01-01";

/**
 * @typedef {object} Filters
 * @property {string[]} type
 * @property {string[]} folder
 * @property {string} after A day, itself included.
 * @property {string} before A day, itself excluded.
 */

/** Filters as the address has them; what is none is left out. @returns {Filters} */
export function filtersOf(params) {
  const known = TYPES.map(([type]) => type);
  const date = (name) => (DATE.test(params.get(name) ?? "") ? params.get(name) : "");
  return {
    type: params.getAll("type").filter((type) => known.includes(type)),
    folder: params.getAll("folder").filter(Boolean),
    after: date("after"),
    before: date("before"),
  };
}

/** Filters as a request takes them: only those that narrow something. */
export function given(filters) {
  return Object.fromEntries(
    NAMES.map((name) => [name, filters[name]]).filter(([, value]) => value.length),
  );
}

/**
 * Button, panel and chips.
 *
 * @param {{filters: Filters, onchange: (filters: Filters) => void}} options
 */
export function filterControls({ filters, onchange }) {
  let current = filters;
  let folders = [];
  const chips = el("ul.chips", { "aria-label": "Active filters" });
  const panel = el("div.filters", {
    id: "filters",
    role: "region",
    "aria-label": "Filters",
    hidden: true,
  });
  const button = el(
    "button.quiet.filter-button",
    {
      type: "button",
      "aria-expanded": "false",
      "aria-controls": "filters",
      onclick: () => toggle(panel.hidden),
    },
    icon("filter"),
    el("span", {}, "Filters"),
  );
  const toggle = (open) => {
    panel.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
    if (open) panel.querySelector("input")?.focus();
  };
  const change = (name, value) => {
    current = { ...current, [name]: value };
    draw();
    onchange(current);
  };
  // The boxes are to show it too, and the focus stays among the filters.
  const remove = (name, value) => {
    change(name, value);
    fill();
    (chips.querySelector("button") ?? button).focus();
  };
  const draw = () => {
    replace(chips, chipsOf(current, folders, remove));
    chips.hidden = !chips.childElementCount;
  };
  panel.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    toggle(false);
    button.focus();
  });
  const fill = () => replace(panel, fields(current, folders, change));
  draw();
  fill();
  return {
    button,
    panel,
    chips,
    /** Show other filters, as when Back was pressed. */
    set(other) {
      if (JSON.stringify(other) === JSON.stringify(current)) return;
      current = other;
      draw();
      fill();
    },
    /** Offer these folders. */
    offer(paths) {
      if (paths.join("\n") === folders.join("\n")) return;
      folders = paths;
      draw(); // which tells them apart by what differs
      if (!panel.contains(document.activeElement)) fill();
    },
  };
}

function chipsOf(filters, folders, remove) {
  const names = Object.fromEntries(TYPES);
  const tail = tails([...folders, ...filters.folder]);
  const without = (name, value) => filters[name].filter((each) => each !== value);
  return [
    ...filters.type.map((type) => chip(names[type], () => remove("type", without("type", type)))),
    ...filters.folder.map((path) =>
      chip(`in ${tail.get(path)}`, () => remove("folder", without("folder", path)), seen(path)),
    ),
    filters.after && chip(`from ${filters.after}`, () => remove("after", "")),
    filters.before && chip(`before ${filters.before}`, () => remove("before", "")),
  ].filter(Boolean);
}

function chip(label, onclick, title = null) {
  const button = el(
    "button.chip",
    { type: "button", "aria-label": `Remove filter ${label}`, title, onclick },
    label,
    icon("close"),
  );
  return el("li", {}, button);
}

function fields(filters, folders, change) {
  const tail = tails(folders);
  return [
    fieldset(
      "Type",
      TYPES.map(([type, name]) => box("type", type, name, filters, change)),
    ),
    folders.length
      ? fieldset(
          "Folder",
          folders.map((path) => box("folder", path, tail.get(path), filters, change)),
        )
      : null,
    fieldset("Last changed", [
      date("On or after", filters.after, (value) => change("after", value)),
      date("Before", filters.before, (value) => change("before", value)),
    ]),
  ];
}

function fieldset(name, children) {
  return el("fieldset", {}, el("legend", {}, name), children);
}

/** A box that is ticked for one value of a list; the list is read when it is clicked. */
function box(name, value, label, filters, change) {
  const input = el("input", { type: "checkbox", value, checked: filters[name].includes(value) });
  input.addEventListener("change", () => {
    const boxes = [...(input.closest("fieldset")?.querySelectorAll("input") ?? [])];
    change(
      name,
      boxes.filter((each) => each.checked).map((each) => each.value),
    );
  });
  return el("label.tick", { title: seen(value) }, input, label);
}

function date(label, value, onchange) {
  // A year that is being typed is one already after its first digit.
  const taken = () => (!input.value || input.value >= FIRST_DAY) && onchange(input.value);
  const input = el("input", { type: "date", value, onchange: taken });
  return el("label.day", {}, label, input);
}
