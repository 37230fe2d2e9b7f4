// Light, dark, or whatever the system says; the choice is remembered by this browser.
import { iconButton, icon, replace } from "./dom.js";

const KEY = "prismd.theme";
const NEXT = { auto: "light", light: "dark", dark: "auto" };
const NAMES = { auto: "as the system", light: "light", dark: "dark" };
const listeners = new Set();
const ICONS = { auto: "auto", light: "sun", dark: "moon" };

/** A button that goes through the three; it says which one holds. */
export function themeButton(announce) {
  const button = iconButton("auto", "", () => {
    const chosen = NEXT[chosenTheme()];
    chooseTheme(chosen);
    announce(`Theme: ${NAMES[chosen]}`);
  });
  show(button);
  ontheme(() => show(button));
  return button;
}

/** Hear of every choice; gives what ends it. */
export function ontheme(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function show(button) {
  const label = `Theme: ${NAMES[chosenTheme()]}`;
  button.setAttribute("aria-label", label);
  button.title = label;
  replace(button, icon(ICONS[chosenTheme()]));
}

/** "auto", "light" or "dark". */
export function chosenTheme() {
  return document.documentElement.dataset.theme ?? "auto";
}

/** Have the page look so from now on. */
export function chooseTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (theme === "auto") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    // Storage is switched off: the choice holds for this page.
  }
  for (const listener of listeners) listener();
}
