// Text and elements of text that several views show.
import { el } from "./dom.js";

/** Text whose parts between backquotes are code. */
export function literal(text) {
  return text.split("`").map((part, at) => (at % 2 ? el("code", {}, part) : part));
}

/** Write words only where they are others, so that a selection in them, and a reader's place, last. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
