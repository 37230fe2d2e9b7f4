// The box in which a folder is named. A browser tells no page where a folder of the computer lies,
// and prismd lists no folders for anybody, so its path is typed or pasted.
//
// Roles for tests: form "Watch a folder" (textbox "Folder's path", button "Watch folder", an alert
// with the server's words where it is refused, a disclosure "How to copy a folder's path").
import { act } from "./acting.js";
import { el, icon } from "./dom.js";
import { setText } from "./text.js";

const ON_MAC = /^mac/i.test(navigator.platform);
const EXAMPLE = ON_MAC ? "/Users/anna/Documents" : "/home/anna/Documents";
const COPYING = ON_MAC
  ? [
      "In the Finder, select the folder and press ⌥ ⌘ C (Option, Command and C); paste it here with ⌘ V.",
      "In a terminal, go to the folder and run pwd.",
    ]
  : [
      "In the file manager, select the folder and press Ctrl + C; paste it here with Ctrl + V.",
      "Or open the folder, press Ctrl + L, and copy what stands in the line at the top.",
      "In a terminal, go to the folder and run pwd.",
    ];

/** @param {import("./app.js").Context} context */
export function folderForm(context) {
  const input = el("input", {
    id: "folder-path",
    name: "path",
    type: "text",
    required: true,
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    "aria-describedby": "folder-hint folder-error",
  });
  const told = el("p.field-error", { id: "folder-error", role: "alert" });
  const button = el("button.primary", { type: "submit" }, icon("plus"), "Watch folder");
  const refuse = (message) => {
    setText(told, message);
    if (message) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
    if (message) input.focus();
  };
  const watch = async (path) => {
    try {
      const root = await context.api.post("/roots", { path });
      input.value = "";
      context.toast(`${root.path} is watched from now on.`);
    } catch (error) {
      refuse(error.message);
    }
  };
  const submit = async (event) => {
    event.preventDefault();
    refuse("");
    await act(context, button, () => watch(input.value.trim()));
  };
  const form = el(
    "form.card.add-folder",
    { "aria-label": "Watch a folder", onsubmit: submit },
    el("label", { for: input.id }, "Folder's path"),
    el("div.field", {}, input, button),
    el(
      "p.soft.small",
      { id: "folder-hint" },
      "The whole path, such as ",
      el("code", {}, EXAMPLE),
      "; ",
      el("code", {}, "~"),
      " stands for your home directory.",
    ),
    told,
    el(
      "details.soft.small",
      {},
      el("summary", {}, "How to copy a folder's path"),
      el(
        "ul",
        {},
        COPYING.map((each) => el("li", {}, each)),
      ),
    ),
  );
  hearPaste(input, refuse);
  hearDrop(form, input, refuse);
  return form;
}

function hearPaste(input, refuse) {
  input.addEventListener("input", () => refuse(""));
  input.addEventListener("paste", (event) => {
    const path = pathIn(event.clipboardData);
    if (!path) return; // as with any other text
    event.preventDefault();
    input.value = path;
    refuse("");
  });
}

/** What is dropped onto the form is meant for it, not for the index. */
function hearDrop(form, input, refuse) {
  form.addEventListener("dragover", (event) => event.preventDefault());
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    const path = pathIn(event.dataTransfer);
    if (path) {
      input.value = path;
      refuse("");
      input.focus();
    } else refuse(aboutDropped(event.dataTransfer));
  });
}

/**
 * The first path of what a file manager has copied, if it is one: its address, or a line of text.
 *
 * @param {DataTransfer} transfer
 */
function pathIn(transfer) {
  const lines = ["text/uri-list", "text/plain"].flatMap((type) =>
    transfer.getData(type).split(/\r?\n/),
  );
  return lines.map((line) => line.trim()).find((line) => /^(file:\/|\/.|~(\/|$))/.test(line)) ?? "";
}

function aboutDropped(transfer) {
  const item = [...transfer.items].find((each) => each.kind === "file");
  if (!item) return "That is no folder. Paste the folder's path here.";
  const entry = item.webkitGetAsEntry?.();
  if (entry?.isDirectory)
    return `A browser tells no page where “${entry.name}” lies. Copy its path, and paste it here.`;
  const name = entry?.name ?? item.getAsFile()?.name ?? "That";
  return `“${name}” is a file. Drop it beside this box to upload it, or paste the path of its folder here.`;
}
