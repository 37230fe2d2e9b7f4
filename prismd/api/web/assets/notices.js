// What keeps prismd from going on, what waits, and what a changed setting would redo.
//
// Roles for tests: list "Notices"; button "Redo now" in the item of what is stale, with a dialog
// "Redo what is stale?" ("Cancel", "Redo").
import { act, confirmed, focusOn } from "./acting.js";
import { el, icon, replace } from "./dom.js";
import { obstaclesOf, staleInWords } from "./state.js";
import { count } from "./labels.js";

/**
 * @param {import("./app.js").Context} context
 * @returns {{element: HTMLElement, update: (status: Object) => void}}
 */
export function notices(context) {
  const element = el("ul.notes", { "aria-label": "Notices" });
  let known = "";
  function update(status) {
    const told = toldOf(status);
    const key = JSON.stringify(told);
    if (key === known) return; // what is read, or has the focus, stays where it is
    known = key;
    const held = element.contains(document.activeElement);
    element.hidden = !told.length;
    replace(
      element,
      told.map((each) => item(context, each)),
    );
    if (held) focusOn(element.querySelector("button") ?? element.parentElement);
  }
  return { element, update };
}

function toldOf(status) {
  const { faults, waiting } = obstaclesOf(status);
  const waits = status.after_restart.join(", ");
  return [
    ...faults.map((text) => ({ kind: "error", text })),
    ...waiting.map((text) => ({ text })),
    ...status.overridden.map((why) => ({ text: `Going on against the schedule: ${why}` })),
    ...(waits ? [{ text: `Changed settings that wait for the next start: ${waits}` }] : []),
    ...status.stale.map((each) => ({ text: staleInWords(each), command: each.command })),
  ];
}

function item(context, { kind, text, command }) {
  const how = command ? [" Run ", el("code", {}, command), ", or"] : null;
  return el(
    kind ? `li.note.${kind}` : "li.note",
    {},
    icon(kind ? "warning" : "info"),
    el("span.grow", {}, text, how),
    command ? redoButton(context) : null,
  );
}

function redoButton(context) {
  const button = el("button", { type: "button" }, "Redo now");
  button.addEventListener("click", () => redo(context, button));
  return button;
}

async function redo(context, button) {
  const sure = await confirmed({
    title: "Redo what is stale?",
    text: [
      "The files are read anew, which may take as long as it did the first time.",
      "What is there now can be searched meanwhile.",
    ],
    action: "Redo",
  });
  if (!sure) return;
  await act(context, button, async () => {
    const { queued } = await context.api.post("/reindex");
    context.toast(`${count(queued, "file")} will be read anew.`);
  });
}
