// Where in the page one is: `#/files?type=image` is the view `/files` with its parameters.
//
// What is searched for is the parameter `q`. It stands in the address only where the browser may
// remember it, see `keepWords`; views read it from `params` either way.
import { kept, recalled } from "./discretion.js";

/** The part of the address that the page keeps for itself. */
export class Route {
  constructor() {
    this.onchange = () => {};
    this.follower = null;
    this.willed = null;
    this.open = false; // until it is known that words may stand in the address, they do not
    this.shown = this.whole;
    const moved = () => {
      if (this.whole === this.shown) return;
      this.rename(this.params); // a link may have words that do not belong there
      this.changed();
    };
    addEventListener("popstate", moved); // addresses may differ by their words alone
    addEventListener("hashchange", moved);
  }

  /** Path of the view, such as "/" or "/files". */
  get path() {
    return partsOf(location.hash).path;
  }

  /** Parameters behind the path, with words that the address does not show. */
  get params() {
    const { params } = partsOf(location.hash);
    const words = recalled(history.state?.words);
    if (words && !params.has("q")) params.set("q", words);
    return params;
  }

  /** Whether there were words here that are not known any more. */
  get lost() {
    const key = history.state?.words;
    return Boolean(key) && !recalled(key);
  }

  /** The whole of where one is, whatever of it the address shows. */
  get whole() {
    return hashOf(this.path, this.params);
  }

  changed() {
    this.shown = this.whole;
    this.onchange();
  }

  /**
   * Let words stand in the address, or take them out of it; that of now is changed at once.
   *
   * @param {boolean} may
   */
  keepWords(may) {
    this.open = may;
    const stand = partsOf(location.hash).params.has("q");
    if (this.params.has("q") && stand !== may) this.rename(this.params);
  }

  /**
   * Go somewhere; Back leads here again.
   *
   * @param {string} path
   * @param {Object | URLSearchParams} [params] Empty values are left out.
   */
  go(path, params = {}) {
    if (hashOf(path, params) !== this.whole) {
      const { hash, words } = this.written(path, params);
      history.pushState({ words }, "", hash);
    }
    this.changed();
  }

  /**
   * Go somewhere because the user chose something of this page, so that the view may act at once.
   * An address alone, which anybody can make a link of, never does.
   *
   * @param {string} hash As `hashOf` makes it.
   */
  choose(hash) {
    const { path, params } = partsOf(hash);
    this.willed = hashOf(path, params);
    this.go(path, params);
  }

  /** Whether the address is one that the user chose on this page just now; it is said once. */
  takeChoice() {
    const chosen = this.willed !== null && this.willed === this.whole;
    this.willed = null;
    return chosen;
  }

  /** Change the address of what is shown, without showing it anew and without a step for Back. */
  rename(params) {
    const { hash, words } = this.written(this.path, params);
    history.replaceState({ ...history.state, words }, "", hash);
    this.shown = this.whole;
  }

  /**
   * Called by a view while it is shown: from then on other parameters of the same view are told
   * to the callback, instead of the view being shown anew.
   *
   * @param {(params: URLSearchParams) => void} callback
   */
  follow(callback) {
    this.follower = callback;
  }

  /** The address of a place, and what of its words is kept elsewhere. */
  written(path, params) {
    const query = queryOf(params);
    const hidden = this.open ? "" : (query.get("q") ?? "");
    if (hidden) query.delete("q");
    return { hash: hashOf(path, query), words: hidden ? kept(hidden) : null };
  }
}

/** The hash of a view with parameters, by name; lists are repeated, empty values left out. */
export function hashOf(path, params = {}) {
  const query = queryOf(params);
  query.sort();
  const text = query.toString();
  return text ? `#${path}?${text}` : `#${path}`;
}

function queryOf(params) {
  const pairs = params instanceof URLSearchParams ? [...params] : Object.entries(params);
  const query = new URLSearchParams();
  for (const [name, value] of pairs) {
    for (const each of [value].flat()) if (each) query.append(name, String(each));
  }
  return query;
}

function partsOf(hash) {
  const [path, query = ""] = hash.replace(/^#/, "").split(/\?(.*)/s);
  return { path: path || "/", params: new URLSearchParams(query) };
}
