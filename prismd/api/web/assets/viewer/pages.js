// A page of a PDF, or a picture, with the places laid over it: exact at any size.
import { get } from "../api.js";
import { el, iconButton, replace } from "../dom.js";

const ZOOMS = [1, 1.5, 2, 3];
const DPI = { 1: 110, 1.5: 150, 2: 200, 3: 280 };
const SHARP = 1.5; // device pixels for each of CSS, from which on a page is drawn finer
const MOST_LINES = 500;
const MARGIN_PX = 24;

/**
 * @param {HTMLElement} stage
 * @param {import("../viewer.js").Place} place
 * @param {(text: string) => void} announce
 */
export function showPages(stage, place, announce) {
  const { document: known, locator } = place;
  const cited = locator?.page ?? 1;
  const state = { page: cited, zoom: 0 };
  const image = el("img.page-image", { decoding: "async" });
  const sheet = el("div.page-sheet", {}, image);
  const scroller = el(
    "div.page-scroller",
    { tabindex: "0", role: "group", "aria-label": "Page, scrollable" },
    sheet,
  );
  const number = el("span.page-number", { "aria-live": "off" });
  const problem = el("p.note.error.small", { role: "alert", hidden: true });
  const words = el(
    "details.page-words",
    {},
    el("summary", {}, known.kind === "image" ? "Text in the picture" : "Text of this page"),
  );
  const buttons = toolbar(state, known, draw, zoomed, number);

  function draw() {
    const own = state.page === cited;
    const dpi = DPI[ZOOMS[state.zoom]];
    const fine = devicePixelRatio >= SHARP ? Math.min(300, Math.round(dpi * 1.5)) : dpi;
    image.alt = describe(place, state.page, own);
    image.src = `/files/${known.file_id}/preview?page=${state.page}&dpi=${fine}`;
    shape(sheet, own ? locator : null);
    replace(number, known.pages > 1 ? `${state.page} of ${known.pages}` : "");
    for (const box of sheet.querySelectorAll(".place-box")) box.remove();
    if (own) for (const box of boxesOf(place)) sheet.append(box);
    buttons.update();
    words.dataset.page = "";
    if (words.open) tell();
  }

  function zoomed() {
    sheet.style.setProperty("width", `${ZOOMS[state.zoom] * 100}%`);
    draw();
    requestAnimationFrame(() => toPlace(scroller, sheet));
  }

  async function tell() {
    if (words.dataset.page === String(state.page)) return;
    words.dataset.page = String(state.page);
    const params = {
      first: 1,
      limit: MOST_LINES,
      start: place.start,
      end: place.end,
      page: known.kind === "image" ? null : state.page,
    };
    const shown = await get(`/documents/${place.sha256}/lines`, { params }).then(
      (found) => found.data.map(paragraph),
      (error) => el("p.note.error.small", { role: "alert" }, error.message),
    );
    replace(words, words.querySelector("summary"), shown);
  }

  image.addEventListener("load", () => {
    problem.hidden = true;
    if (state.page === cited) toPlace(scroller, sheet);
  });
  image.addEventListener("error", () => failed(image, problem));
  words.addEventListener("toggle", () => words.open && tell());
  stage.append(buttons.element, scroller, problem, words);
  draw();
  return () => image.removeAttribute("src");
}

function paragraph(line) {
  return el("p", {}, line.before, line.marked ? el("mark", {}, line.marked) : null, line.after);
}

function toolbar(state, known, draw, zoomed, number) {
  const turn = (by) => () => {
    state.page += by;
    draw();
  };
  const zoom = (by) => () => {
    state.zoom += by;
    zoomed();
  };
  const back = iconButton("back", "Page before", turn(-1));
  const forward = iconButton("forward", "Next page", turn(1));
  const smaller = iconButton("minus", "Smaller", zoom(-1));
  const larger = iconButton("plus", "Larger", zoom(1));
  const paging = known.pages > 1 ? [back, number, forward] : [];
  return {
    element: el(
      "div.viewer-tools",
      { role: "group", "aria-label": "Page and size" },
      paging,
      el("span.spread"),
      smaller,
      larger,
    ),
    update() {
      back.disabled = state.page <= 1;
      forward.disabled = state.page >= known.pages;
      smaller.disabled = state.zoom === 0;
      larger.disabled = state.zoom === ZOOMS.length - 1;
    },
  };
}

function describe(place, page, own) {
  const what =
    place.document.kind === "image" ? "The picture" : `Page ${page} of ${place.document.pages}`;
  return `${what} of ${place.title}${own && boxesGiven(place).length ? ", the place marked" : ""}`;
}

/** Keep the room of a page whose size is known, so that nothing jumps when it comes. */
function shape(sheet, locator) {
  const [width, height] = extent(locator);
  if (width) sheet.style.setProperty("aspect-ratio", `${width} / ${height}`);
  else sheet.style.removeProperty("aspect-ratio");
}

function extent(locator) {
  if (!locator) return [0, 0];
  return locator.kind === "page"
    ? [locator.width_pt, locator.height_pt]
    : [locator.width_px, locator.height_px];
}

function boxesGiven(place) {
  // A picture that is cited as such is shown as it is.
  const whole = place.start === place.end;
  return whole ? [] : (place.locator?.boxes ?? []);
}

function boxesOf(place) {
  const [width, height] = extent(place.locator);
  return boxesGiven(place).map(([x0, y0, x1, y1]) =>
    el("div.place-box", {
      "data-place-box": true,
      style: {
        left: `${(x0 / width) * 100}%`,
        top: `${(y0 / height) * 100}%`,
        width: `${((x1 - x0) / width) * 100}%`,
        height: `${((y1 - y0) / height) * 100}%`,
      },
    }),
  );
}

/** Scroll so that the first marked place is in the middle of what is seen. */
function toPlace(scroller, sheet) {
  const box = sheet.querySelector(".place-box");
  if (!box) return;
  scroller.scrollTop = box.offsetTop - scroller.clientHeight / 2 + box.offsetHeight / 2;
  // A line that is wider than what is seen is shown from where it begins.
  const spare = Math.max(MARGIN_PX, (scroller.clientWidth - box.offsetWidth) / 2);
  scroller.scrollLeft = box.offsetLeft - spare;
}

/** An image tells nothing of why it is not there: the server is asked for its words. */
async function failed(image, problem) {
  const address = image.getAttribute("src");
  if (!address) return;
  const message = await get(address).then(
    () => "The page could not be drawn.",
    (error) => error.message,
  );
  if (image.getAttribute("src") !== address) return;
  replace(problem, message);
  problem.hidden = false;
}
