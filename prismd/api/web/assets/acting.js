// Buttons that ask something of the daemon, and questions before what cannot be undone.
import { isAborted } from "./api.js";
import { el, isAllowed } from "./dom.js";

/**
 * Do something for a button, once at a time; what fails is shown in the server's words.
 *
 * @template T
 * @param {import("./app.js").Context} context
 * @param {HTMLElement} button
 * @param {() => Promise<T>} work
 * @returns {Promise<T | undefined>} Nothing where it failed, was under way already, or is not to be
 *   done now.
 */
export async function act(context, button, work) {
  if (button.getAttribute("aria-busy") === "true" || !isAllowed(button)) return undefined;
  button.setAttribute("aria-busy", "true"); // not disabled: that would take the focus away
  try {
    return await work();
  } catch (error) {
    const told = isAborted(error) || error.code === "signed_out"; // by the banner
    if (!told) context.toast(error.message, { error: true });
    return undefined;
  } finally {
    button.removeAttribute("aria-busy");
  }
}

/**
 * Ask whether something is to be done; Escape is no, and so is going elsewhere (app.js).
 *
 * @param {{title: string, text: (string | Node)[], action: string}} question `action` is what the
 *   button says that does it.
 * @returns {Promise<boolean>}
 */
export function confirmed({ title, text, action }) {
  return new Promise((resolve) => {
    const close = (answer) => () => dialog.close(answer);
    const heading = el("h2", { id: "asked" }, title);
    const words = el(
      "div.words",
      { id: "asked-text" },
      text.map((each) => el("p", {}, each)),
    );
    const dialog = el(
      "dialog.asked",
      { "aria-labelledby": heading.id, "aria-describedby": words.id },
      heading,
      words,
      el(
        "div.buttons",
        {},
        el("button", { type: "button", autofocus: true, onclick: close("") }, "Cancel"),
        el("button.danger", { type: "button", onclick: close("yes") }, action),
      ),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/**
 * Put text into the clipboard, and say so; a browser may not let a page of another name than this
 * computer's write there.
 *
 * @param {Pick<import("./app.js").Context, "toast">} context
 * @param {string} text
 * @param {string} what Names it, with a capital letter.
 */
export async function copy(context, text, what) {
  try {
    await navigator.clipboard.writeText(text);
    context.toast(`${what} copied`);
  } catch {
    context.toast(`${what} could not be copied; the browser does not allow it`, { error: true });
  }
}

/** The focus to where reading goes on, when what had it is gone. */
export function focusOn(element) {
  if (!element) return;
  if (element.tabIndex < 0) element.tabIndex = -1; // what Tab leads to stays on its way
  element.focus();
}
