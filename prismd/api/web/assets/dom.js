// Elements out of plain values. Text only ever becomes text: nothing here parses markup.
import { PATHS } from "./icons.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * @typedef {Node | string | number | null | undefined | false | Child[]} Child
 */

/**
 * The type of an element by its tag, with or without classes behind it.
 *
 * @template {string} Kind
 * @typedef {Kind extends keyof HTMLElementTagNameMap ? HTMLElementTagNameMap[Kind]
 *   : Kind extends `${infer Tag extends keyof HTMLElementTagNameMap}.${string}`
 *   ? HTMLElementTagNameMap[Tag] : HTMLElement} ElementOf
 */

/**
 * Build an element.
 *
 * @template {string} Kind
 * @param {Kind} kind Tag name with classes behind dots, such as "button.primary".
 * @param {Object<string, any>} [attributes] `onclick` and the like add listeners; `true` sets an
 *   attribute without a value; `null`, `undefined` and `false` leave it out; `dataset` and
 *   `style` (custom properties too) take objects; `value`, `checked` and `indeterminate` are set
 *   as properties.
 * @param {...Child} children Strings become text.
 * @returns {ElementOf<Kind>}
 */
export function el(kind, attributes = {}, ...children) {
  const [tag, ...classes] = kind.split(".");
  const element = /** @type {ElementOf<Kind>} */ (document.createElement(tag));
  if (classes.length) element.classList.add(...classes);
  for (const [name, value] of Object.entries(attributes)) setAttribute(element, name, value);
  append(element, children);
  return element;
}

const AS_PROPERTY = new Set(["value", "checked", "indeterminate", "muted"]);

function setAttribute(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (name === "dataset") Object.assign(element.dataset, value);
  else if (name === "style") {
    for (const [key, each] of Object.entries(value)) element.style.setProperty(key, each);
  } else if (AS_PROPERTY.has(name)) element[name] = value;
  else element.setAttribute(name, value === true ? "" : String(value));
}

/** Append children; strings become text. */
export function append(element, children) {
  for (const child of [children].flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** Put children in place of all that an element holds. */
export function replace(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

/** A line icon of `icons.js`; it says nothing to a screen reader. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name] ?? PATHS.file);
  svg.append(path);
  return svg;
}

/** Text that only a screen reader says. */
export function spoken(text) {
  return el("span.visually-hidden", {}, text);
}

/** A button with an icon alone; its name is shown as its tooltip. */
export function iconButton(name, label, onclick, attributes = {}) {
  return el(
    "button.icon-button",
    { type: "button", "aria-label": label, title: label, onclick, ...attributes },
    icon(name),
  );
}

/** Whether a button may be used now, see `allow`. */
export function isAllowed(button) {
  return button.getAttribute("aria-disabled") !== "true";
}

/**
 * Let a button be used or not. One that cannot be keeps the focus, and looks like it; what it does
 * has to see for itself whether there is something to do.
 */
export function allow(button, is) {
  if (is) button.removeAttribute("aria-disabled");
  else button.setAttribute("aria-disabled", "true");
}
