// What stands where nothing was asked yet: what can be asked, and what to do where that is little.
import { el, icon } from "./dom.js";
import { firstSteps } from "./first_steps.js";
import { count } from "./labels.js";
import { lacksMeaning } from "./state.js";
import { literal } from "./text.js";

const EXAMPLES = [
  "How much is the deposit?",
  "What was said about the boiler?",
  "folder:tax receipts",
];

/**
 * The hint, the examples and the first steps, brought up to date by `update`.
 *
 * @param {import("./app.js").Context} context
 * @param {(example: string) => void} onexample
 */
export function welcome(context, onexample) {
  const told = el("div.hint");
  const examples = EXAMPLES.map((text) =>
    el("li", {}, el("button.chip.example", { type: "button", onclick: () => onexample(text) }, text)),
  );
  const list = el("ul.chips.examples", { "aria-label": "Examples" }, examples);
  const steps = firstSteps(context, { leads: false });
  let known = "";
  function update(status) {
    if (status) steps.update(status);
    // The first steps say themselves what is there, and what is missing.
    const parts = status && steps.element.hidden ? [hint(status), withoutMeaning(status)] : [];
    list.hidden = status?.passages === 0;
    const words = parts.map((each) => each?.textContent).join("\n");
    if (words === known) return; // what has the focus stays
    known = words;
    told.replaceChildren(...parts.filter((each) => each !== null));
  }
  return { elements: [told, list, steps.element], update };
}

/** How many files can be asked, or what to do while there are none. */
export function hint(status) {
  if (status.passages > 0) {
    const files = `${count(status.files.completed, "file")} can be asked.`;
    return el("p.soft", {}, `${files} Every answer says where it comes from.`);
  }
  if (!status.roots.length) {
    return el(
      "p.soft",
      {},
      "No folder is watched yet. ",
      el("a", { href: "#/folders" }, "Add one"),
      ", and ask as soon as its first files are read.",
    );
  }
  const idle =
    "Your folders hold nothing that can be read yet. Put files into them; they are read at once.";
  const busy = "Your files are being read. What has been read can be asked already.";
  return el("p.soft", {}, status.state === "idle" ? idle : busy);
}

/** What to do while no file was read: neither an answer nor a search says anything of them then. */
export function nothingYet(status) {
  return status?.passages === 0 ? hint(status) : null;
}

/** That only words are found, and what helps, while the model of meaning is not there. */
function withoutMeaning(status) {
  if (!lacksMeaning(status)) return null;
  const { state, detail } = status.models.embedding;
  const why = state === "missing" ? "is not installed" : "cannot be used";
  const words = el("span", {}, `The model of meaning ${why}: `, literal(detail));
  return el("p.note.small", {}, icon("warning"), words);
}
