// Files of watched folders that were forgotten, and are kept out of the index until they are taken
// back.
//
// Roles for tests: the disclosure "Files that are kept out (N)"; in it each path with a button
// "Take back NAME"; an alert where something fails (failure.js).
import { act, focusOn } from "./acting.js";
import { del, get } from "./api.js";
import { el, replace } from "./dom.js";
import { failure } from "./failure.js";
import { fileName } from "./labels.js";
import { pathText } from "./text.js";

/**
 * @param {import("./app.js").Context} context
 * @returns {{element: HTMLElement, load: () => Promise<void>, retry: () => void}} `retry` loads
 *   what did not come.
 */
export function keptOut(context) {
  const summary = el("summary", {}, "Files that are kept out");
  const list = el("ul.kept-list");
  const trouble = failure(() => load());
  const known = el("details.kept-out", { hidden: true }, summary, list); // while there are some
  const element = el("div", {}, trouble.element, known);
  let missing = false;

  async function load() {
    try {
      const { data } = await get("/exclusions");
      missing = false;
      known.hidden = !data.length;
      summary.textContent = `Files that are kept out (${data.length.toLocaleString()})`;
      replace(list, data.map(row));
      trouble.clear();
    } catch (error) {
      missing = true;
      // Nobody has asked for these, and the page says by itself that prismd is away.
      if (!error.unreachable) trouble.tell(error);
    }
  }

  function row(each) {
    const name = fileName(each.path);
    const label = `Take back ${name}`;
    const button = el("button", { type: "button", "aria-label": label }, "Take back");
    button.addEventListener("click", () => act(context, button, () => takeBack(each)));
    return el("li", {}, el("span.path.grow", {}, pathText(each.path)), button);
  }

  async function takeBack(each) {
    try {
      const { message } = await del(`/exclusions/${each.id}`);
      context.toast(message);
      await load();
      focusOn(known.hidden ? document.querySelector("h1") : summary);
    } catch (error) {
      trouble.tell(error);
    }
  }

  return { element, load, retry: () => missing && load() };
}
