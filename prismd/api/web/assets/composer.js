// The one box: text, whether to ask or to search, filters, a picture to search by.
//
// For tests: a `search` landmark with the textbox "Ask or search your files", the radio buttons
// "Ask" and "Search", and the buttons "Filters", "Search by picture", "Ask"/"Search"/"Stop",
// and below a conversation "New question".
// Where nothing can be searched by a picture, that button says why.
import { el, icon, iconButton, replace } from "./dom.js";
import { filterControls } from "./filters.js";
import { literal } from "./text.js";

const MODES = [
  ["ask", "Ask"],
  ["search", "Search"],
];

/**
 * @param {object} options
 * @param {"ask" | "search"} options.mode
 * @param {import("./filters.js").Filters} options.filters
 * @param {() => void} options.onsubmit
 * @param {() => void} options.onstop
 * @param {() => void} options.onnew What was asked is to be left behind.
 * @param {() => void} options.onchange The mode or a filter is another.
 * @param {(file: File) => void} options.onpicture
 */
export function composer({ mode, filters, onsubmit, onstop, onnew, onchange, onpicture }) {
  let current = filters;
  const text = el("textarea", {
    rows: "1",
    id: "question",
    "aria-label": "Ask or search your files",
    placeholder: "Ask or search your files",
    autocomplete: "off",
    spellcheck: "true",
  });
  const controls = filterControls({
    filters,
    onchange: (changed) => {
      current = changed;
      onchange();
    },
  });
  const modes = modeSwitch(mode, onchange);
  const picture = el("div.picture-slot", { hidden: true });
  const pictures = pictureSearch(onpicture);
  const anew = iconButton("plus", "New question", onnew, { hidden: true });
  const send = el("button.primary.send", { type: "submit" });
  const row = el(
    "div.composer-row",
    {},
    modes.element,
    controls.button,
    pictures.controls,
    anew,
    send,
  );
  const form = el(
    "form.composer",
    { role: "search", "aria-label": "Your files" },
    picture,
    text,
    pictures.note,
    row,
  );
  const outer = el("div.composer-area", {}, form, controls.panel, controls.chips);

  const submit = () => {
    pictures.hush();
    onsubmit();
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (stops()) onstop();
    else submit();
  });
  text.addEventListener("keydown", (event) => submitOnEnter(event, submit));
  text.addEventListener("input", () => grow(text));
  takePictures(outer, text, pictures.take);

  const element = {
    outer,
    text,
    get mode() {
      return modes.value;
    },
    get filters() {
      return current;
    },
    /** Show what the address says. */
    set({ mode: chosen, filters: others }) {
      modes.set(chosen);
      current = others;
      controls.set(others);
      label();
    },
    offer: controls.offer,
    allowPictures: pictures.allow,
    offerNew(is) {
      anew.hidden = !is;
    },
    /** Show Stop in place of the button that asks; a search does not wait for an answer. */
    busy(is) {
      if (is) form.dataset.busy = "true";
      else delete form.dataset.busy;
      label();
    },
    /** Put a text in the box. */
    fill(value) {
      text.value = value;
      grow(text);
    },
    /** Show the picture that is searched by, or none. */
    showPicture(shown) {
      picture.hidden = !shown;
      replace(picture, shown);
    },
    label,
  };
  function stops() {
    return Boolean(form.dataset.busy) && modes.value === "ask";
  }
  function label() {
    const busy = stops();
    const name = busy ? "Stop" : modes.value === "ask" ? "Ask" : "Search";
    send.setAttribute("aria-label", name);
    send.title = name;
    replace(send, icon(busy ? "stop" : modes.value === "ask" ? "send" : "search"));
  }
  label();
  return element;
}

function modeSwitch(mode, onchange) {
  const inputs = MODES.map(([value]) =>
    el("input", { type: "radio", name: "mode", value, checked: value === mode, onchange }),
  );
  const labels = MODES.map(([, name], index) =>
    el("label", {}, inputs[index], el("span", {}, name)),
  );
  return {
    element: el("div.segments", { role: "radiogroup", "aria-label": "What to do" }, labels),
    get value() {
      return inputs.find((input) => input.checked)?.value ?? "ask";
    },
    set(value) {
      for (const input of inputs) input.checked = input.value === value;
    },
  };
}

function submitOnEnter(event, onsubmit) {
  // While an input method composes a word, Enter takes the word.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  onsubmit();
}

function grow(text) {
  text.style.setProperty("height", "auto");
  text.style.setProperty("height", `${text.scrollHeight}px`);
}

/** The button, and in place of a search that cannot be made, why it cannot. */
function pictureSearch(onpicture) {
  let why = "";
  const note = el("p.note.small", { role: "status", hidden: true });
  const tell = () => {
    note.hidden = false;
    replace(note, icon("info"), el("span", {}, literal(why)));
  };
  const hush = () => (note.hidden = true);
  const take = (file) => (why ? tell() : onpicture(file));
  const input = el("input", {
    type: "file",
    accept: "image/*",
    hidden: true,
    "aria-label": "Picture to search by",
    tabindex: "-1",
  });
  input.addEventListener("change", () => {
    const file = input.files?.[0];
    if (file) take(file);
    input.value = "";
  });
  const choose = () => (why ? tell() : input.click());
  const button = iconButton("image", "Search by picture", choose);
  return {
    controls: [button, input],
    note,
    hush,
    take,
    /** @param {string} reason Why it cannot be done; empty where it can. */
    allow(reason) {
      if (reason === why) return;
      why = reason;
      hush();
      button.title = why || "Search by picture";
      button.toggleAttribute("data-unable", Boolean(why));
    },
  };
}

/** Pictures that are dropped on the box or pasted into it are searched by; they are not indexed. */
function takePictures(outer, text, onpicture) {
  const pictureOf = (data) =>
    [...(data?.files ?? [])].find((file) => file.type.startsWith("image/"));
  text.addEventListener("paste", (event) => {
    const file = pictureOf(event.clipboardData);
    if (!file) return;
    event.preventDefault();
    onpicture(file);
  });
  outer.addEventListener("dragover", (event) => {
    if (![...event.dataTransfer.items].some((item) => item.type.startsWith("image/"))) return;
    event.preventDefault();
    event.stopPropagation();
    outer.dataset.drop = "true";
  });
  outer.addEventListener("dragleave", () => delete outer.dataset.drop);
  outer.addEventListener("drop", (event) => {
    delete outer.dataset.drop;
    const file = pictureOf(event.dataTransfer);
    if (!file) return;
    event.preventDefault();
    event.stopPropagation();
    onpicture(file);
  });
}
