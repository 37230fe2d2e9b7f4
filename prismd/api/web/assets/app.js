// The shell: navigation, the view that is shown, what is announced, whether prismd is there.
import * as api from "./api.js";
import { Banner } from "./banner.js";
import { append, el, icon, replace } from "./dom.js";
import { Keys } from "./keys.js";
import { Live } from "./live.js";
import { Route } from "./route.js";
import { statusLine } from "./status_line.js";
import { themeButton } from "./themes.js";
import { Toasts } from "./toasts.js";
import { uploads } from "./upload.js";
import { Viewer } from "./viewer.js";
import { show as showActivity } from "./views/activity.js";
import { show as showAsk } from "./views/ask.js";
import { show as showFiles } from "./views/files.js";
import { show as showFolders } from "./views/folders.js";
import { show as showHistory } from "./views/history.js";
import { show as showSettings } from "./views/settings.js";

/**
 * What a view is given.
 *
 * @typedef {object} Context
 * @property {typeof import("./api.js")} api Requests; they throw `ApiError`.
 * @property {Live} live Status and events as they come.
 * @property {Route} route Where in the page one is.
 * @property {Viewer} viewer Shows a citation, a result or a file at its place.
 * @property {Keys} keys Whether keys of one character are wanted.
 * @property {(text: string) => void} announce Says something to a screen reader, politely.
 * @property {(message: string, options?: {error?: boolean}) => void} toast Shows a short note.
 */

/**
 * Every view: its path, its name in the navigation, its icon, and what fills `main` with one `h1`
 * and promises what it can be asked for from then on. All are loaded with the page: one that is
 * opened while the daemon restarts is there.
 */
const VIEWS = [
  { path: "/", name: "Ask", icon: "ask", fill: showAsk },
  { path: "/files", name: "Files", icon: "files", fill: showFiles },
  { path: "/activity", name: "Activity", icon: "activity", fill: showActivity },
  { path: "/folders", name: "Folders", icon: "folders", fill: showFolders },
  { path: "/history", name: "History", icon: "history", fill: showHistory },
  { path: "/settings", name: "Settings", icon: "settings", fill: showSettings },
];

const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const main = byId("main");
const live = new Live();
const route = new Route();
const keys = new Keys();
const toasts = new Toasts(byId("toasts"), main);
const banner = new Banner(byId("banner"), live, back);
const viewer = new Viewer(byId("viewer"), {
  behind: [byId("shell"), byId("skip-link")],
  announce,
  toast,
  rest: main,
  searchAgain: () => {
    main.focus({ preventScroll: true }); // what led to the old results goes with them
    show();
  },
});

/** @type {Context} */
const context = {
  api,
  live,
  route,
  viewer,
  keys,
  announce,
  toast,
};

/** @type {typeof VIEWS[number] | null} */
let shown = null;
/** @type {import("./viewer.js").Shown} */
const NOTHING = { end: () => {}, retry: () => {} };
let standing = NOTHING;
let turn = 0;

async function show() {
  for (const dialog of document.querySelectorAll("dialog")) dialog.close(); // of where one was
  const view = VIEWS.find((each) => each.path === route.path);
  if (!view) return route.go("/");
  if (view === shown && route.follower) return route.follower(route.params);
  const own = ++turn;
  const first = shown === null;
  close();
  shown = view;
  document.title = view.path === "/" ? "prismd" : `${view.name} · prismd`;
  markCurrent(view);
  try {
    const filled = await view.fill(main, context);
    if (own === turn) standing = filled;
    else filled.end();
  } catch (error) {
    if (own === turn) failed(error);
  }
  // A reader of the page is told of the new view; at the start the page itself is.
  if (own === turn && !first && !main.contains(document.activeElement))
    main.focus({ preventScroll: true });
  return undefined;
}

function close() {
  viewer.close();
  standing.end();
  standing = NOTHING;
  route.follower = null;
  replace(main);
  scrollTo(0, 0);
}

function failed(error) {
  standing = { ...NOTHING, retry: again };
  route.follower = null;
  replace(
    main,
    el("h1", {}, "This cannot be shown"),
    el("p", { role: "alert" }, error.message),
    el("button", { type: "button", onclick: again }, "Try again"),
  );
}

/** Show the view anew. */
function again() {
  shown = null;
  show();
}

/** Requests are answered again: what was not is asked once more, and all else stays as it is. */
function back() {
  announce("Connected again");
  standing.retry();
  viewer.retry();
}

function buildNavigation() {
  for (const view of VIEWS) {
    const link = el("a", { href: `#${view.path}` }, icon(view.icon), el("span", {}, view.name));
    // Where one is already, nothing is shown anew; the focus goes there all the same.
    link.addEventListener("click", () => view === shown && main.focus());
    byId("nav").append(el("li", {}, link));
  }
  append(byId("side-foot"), [
    statusLine(context),
    uploads(context, byId("shell")),
    themeButton(announce),
    keys.button(),
  ]);
  byId("skip-link").addEventListener("click", (event) => {
    event.preventDefault(); // the hash is the router's
    main.focus();
  });
}

function markCurrent(view) {
  for (const link of byId("nav").querySelectorAll("a")) {
    if (link.getAttribute("href") === `#${view.path}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function announce(text) {
  const announcer = byId("announcer");
  announcer.textContent = "";
  // The same words said twice are two announcements.
  requestAnimationFrame(() => (announcer.textContent = text));
}

/**
 * @param {string} message
 * @param {{error?: boolean}} [options]
 */
function toast(message, options) {
  toasts.show(message, options);
}

function focusBox() {
  const box = byId("question");
  if (box) box.focus();
  else route.go("/");
}

buildNavigation();
keys.listen({ focusBox, escape: () => viewer.close() });
route.onchange = show;
banner.start();
live.subscribe(({ status }) => {
  if (status) route.keepWords(status.history_kept && !status.encrypted);
});
live.start();
show();
