// The shell: navigation, the view that is shown, what is announced, whether prismd is there.
//
// A view is a module of `views/` that exports `async function show(main, context)`; it fills
// `main`, with one `h1`, and returns a function that ends whatever it began.
import * as api from "./api.js";
import { append, el, icon, replace } from "./dom.js";
import { Keys } from "./keys.js";
import { Live } from "./live.js";
import { Route } from "./route.js";
import { statusLine } from "./status_line.js";
import { themeButton } from "./themes.js";
import { uploads } from "./upload.js";
import { Viewer } from "./viewer.js";

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

/** Every view: its path, its name in the navigation, its icon and its module. */
const VIEWS = [
  { path: "/", name: "Ask", icon: "ask", load: () => import("./views/ask.js") },
  { path: "/files", name: "Files", icon: "files", load: () => import("./views/files.js") },
  {
    path: "/activity",
    name: "Activity",
    icon: "activity",
    load: () => import("./views/activity.js"),
  },
  { path: "/folders", name: "Folders", icon: "folders", load: () => import("./views/folders.js") },
  { path: "/history", name: "History", icon: "history", load: () => import("./views/history.js") },
  {
    path: "/settings",
    name: "Settings",
    icon: "settings",
    load: () => import("./views/settings.js"),
  },
];

const TOAST_MS = 6_000;
const byId = (id) => document.getElementById(id);
const main = byId("main");
const live = new Live();
const route = new Route();

const keys = new Keys();
const viewer = new Viewer(byId("viewer"), byId("shell"), announce);

/** @type {Context} */
const context = { api, live, route, viewer, keys, announce, toast };

let shown = null; // the view that is shown, of VIEWS
let end = () => {};
let turn = 0;

async function show() {
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
    const module = await view.load();
    if (own !== turn) return;
    const ended = await module.show(main, context);
    if (own === turn) end = ended ?? (() => {});
    else ended?.();
  } catch (error) {
    if (own === turn) failed(error);
  }
  // A reader of the page is told of the new view; at the start the page itself is.
  if (own === turn && !first && !main.contains(document.activeElement))
    main.focus({ preventScroll: true });
}

function close() {
  viewer.close();
  end();
  end = () => {};
  route.follower = null;
  replace(main);
  scrollTo(0, 0);
}

function failed(error) {
  replace(
    main,
    el("h1", {}, "This cannot be shown"),
    el("p", { role: "alert" }, error.message),
    el("button", { type: "button", onclick: () => location.reload() }, "Load the page again"),
  );
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
    uploads(context),
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

function toast(message, { error = false } = {}) {
  const note = el(error ? "div.toast.error" : "div.toast", {}, message);
  byId("toasts").append(note);
  setTimeout(() => note.remove(), TOAST_MS);
}

function showConnection({ connected, status }) {
  const banner = byId("banner");
  banner.hidden = connected;
  if (connected) return replace(banner);
  if (banner.childElementCount) return undefined;
  const words = status
    ? "The connection to prismd was lost. The page goes on by itself when it is back."
    : "prismd cannot be reached. Start it with 'prismd run'.";
  const told = el("span", {}, words);
  // A socket that is refused does not say why; a request does.
  api.get("/status").catch((error) => {
    if (!error.unreachable) told.textContent = error.message;
  });
  return replace(
    banner,
    icon("warning"),
    told,
    el("button.quiet", { type: "button", onclick: () => live.hurry() }, "Try now"),
  );
}

function focusBox() {
  const box = byId("question");
  if (box) box.focus();
  else route.go("/");
}

buildNavigation();
keys.listen({ focusBox, escape: () => viewer.close() });
route.onchange = show;
live.subscribe(showConnection);
live.start();
show();
