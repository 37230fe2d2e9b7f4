// Text and elements of text that several views show.
import { el, icon } from "./dom.js";
import { seen } from "./labels.js";

/** Text whose parts between backquotes are code. */
export function literal(text) {
  return text.split("`").map((part, at) => (at % 2 ? el("code", {}, part) : part));
}

/** A note of the daemon's, for a person: it begins as a sentence does. */
export function noteElement(text) {
  const words = text.charAt(0).toUpperCase() + text.slice(1);
  return el("p.note.small", {}, icon("info"), el("span", {}, literal(words)));
}

/** Write words only where they are others, so that a selection in them, and a reader's place, last. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A path whose names each stand in their own direction. */
export function pathText(path) {
  return path.split("/").flatMap((name, at) => [at ? "/" : "", name ? el("bdi", {}, seen(name)) : ""]);
}
