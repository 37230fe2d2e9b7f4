// The lines of a text around a place, with their numbers; more of them on demand.
import { get } from "../api.js";
import { el, icon } from "../dom.js";

const STEP = 40;

/**
 * @param {HTMLElement} stage
 * @param {import("../viewer.js").Place} place
 */
export function showLines(stage, place) {
  const list = el("ol.lines", { "aria-label": "Lines" });
  const pager = linePager(place, list, lineItem);
  stage.append(el("div.lines-box", {}, pager.before, list, pager.after));
  pager.begin(stage);
}

/**
 * Loads lines into a list, before and after those that are there.
 *
 * @param {import("../viewer.js").Place} place
 * @param {HTMLElement} list
 * @param {(line: object) => HTMLElement} itemOf
 */
export function linePager(place, list, itemOf) {
  const before = moreButton("up", "Lines before", () =>
    load(Math.max(1, first - STEP), first - Math.max(1, first - STEP), true),
  );
  const after = moreButton("down", "Lines after", () => load(last + 1, STEP, false));
  let first = 1;
  let last = 0;
  let total = 0;

  async function load(from, limit, above) {
    const params = { first: from, limit, start: place.start, end: place.end };
    const found = await get(`/documents/${place.sha256}/lines`, { params });
    total = found.total;
    const items = found.data.map(itemOf);
    if (above) list.prepend(...items);
    else list.append(...items);
    if (found.data.length) {
      first =
        list.childElementCount === items.length
          ? found.data[0].number
          : Math.min(first, found.data[0].number);
      last = Math.max(last, found.data.at(-1).number);
    }
    before.hidden = first <= 1;
    after.hidden = last >= total;
  }

  return {
    before,
    after,
    async begin(stage) {
      await load(place.end > place.start ? null : 1, STEP, false).catch((error) => {
        stage.append(el("p.note.error.small", { role: "alert" }, error.message));
      });
      list.querySelector("mark")?.scrollIntoView({ block: "center" });
    },
  };
}

function moreButton(name, label, load) {
  const button = el("button.quiet.more", { type: "button", hidden: true }, icon(name), label);
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await load();
    } catch (error) {
      button.title = error.message;
    }
    button.disabled = false;
  });
  return button;
}

function lineItem(line) {
  return el(
    "li.line",
    { value: line.number, dataset: { number: line.number } },
    el(
      "span.line-text",
      {},
      line.before,
      line.marked ? el("mark", {}, line.marked) : null,
      line.after,
    ),
  );
}
