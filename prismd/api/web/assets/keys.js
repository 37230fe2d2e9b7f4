// Keys that work everywhere, and the dialog that names them.
import { el, iconButton } from "./dom.js";

const STORED = "prismd.single-keys";
const KEYS = [
  ["Enter", "Ask or search"],
  ["Shift + Enter", "A new line"],
  ["/", "To the box"],
  ["j  k", "Next and previous result (or the arrows)"],
  ["Enter on a result", "Open it"],
  ["Esc", "Close what is open"],
  ["?", "These keys"],
];

/** Keys of one character can be switched off, for those who speak to their computer. */
export class Keys {
  constructor() {
    this.single = readStored();
    this.dialog = this.build();
    document.body.append(this.dialog);
  }

  /** @param {{focusBox: () => void, escape: () => void}} actions */
  listen({ focusBox, escape }) {
    document.addEventListener("keydown", (event) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      if (document.querySelector("dialog[open]")) return; // which has keys of its own
      if (event.key === "Escape") return escape();
      if (document.querySelector("[aria-modal='true']")) return; // behind it nothing can be used
      if (!this.single || writes(event.target)) return;
      if (event.key === "/") {
        event.preventDefault();
        focusBox();
      } else if (event.key === "?") this.dialog.showModal();
    });
  }

  /** The button that opens the dialog. */
  button() {
    return iconButton("help", "Keys", () => this.dialog.showModal());
  }

  build() {
    const rows = KEYS.map(([key, what]) =>
      el("div.key-row", {}, el("dt", {}, el("kbd", {}, key)), el("dd", {}, what)),
    );
    const box = el("input", { type: "checkbox", checked: this.single });
    box.addEventListener("change", () => {
      this.single = box.checked;
      store(box.checked);
    });
    const dialog = el("dialog.keys", { "aria-labelledby": "keys-title" });
    dialog.append(
      el("h2", { id: "keys-title" }, "Keys"),
      el("dl", {}, rows),
      el("label.tick", {}, box, "Keys of one character"),
      el("button.primary", { type: "button", onclick: () => dialog.close() }, "Close"),
    );
    return dialog;
  }
}

function writes(target) {
  return Boolean(
    target.closest?.(
      "input:not([type='checkbox'], [type='radio']), textarea, select, [contenteditable]",
    ),
  );
}

function readStored() {
  try {
    return localStorage.getItem(STORED) !== "off";
  } catch {
    return true;
  }
}

function store(on) {
  try {
    if (on) localStorage.removeItem(STORED);
    else localStorage.setItem(STORED, "off");
  } catch {
    // Storage is switched off: the choice holds for this page.
  }
}
