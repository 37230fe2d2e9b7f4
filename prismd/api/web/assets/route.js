// Where in the page one is: `#/files?type=image` is the view `/files` with its parameters.

/** The part of the address that the page keeps for itself. */
export class Route {
  constructor() {
    this.onchange = () => {};
    this.follower = null;
    this.willed = null;
    addEventListener("hashchange", () => this.onchange());
  }

  /** Path of the view, such as "/" or "/files". */
  get path() {
    return this.parts().path;
  }

  /** Parameters behind the path. */
  get params() {
    return this.parts().params;
  }

  parts() {
    const [path, query = ""] = location.hash.replace(/^#/, "").split(/\?(.*)/s);
    return { path: path || "/", params: new URLSearchParams(query) };
  }

  /**
   * Go somewhere; Back leads here again.
   *
   * @param {string} path
   * @param {Object | URLSearchParams} [params] Empty values are left out.
   */
  go(path, params = {}) {
    const hash = hashOf(path, params);
    if (hash === location.hash) this.onchange();
    else location.hash = hash;
  }

  /**
   * Go somewhere because the user chose something of this page, so that the view may act at once.
   * An address alone, which anybody can make a link of, never does.
   *
   * @param {string} hash As `hashOf` makes it.
   */
  choose(hash) {
    this.willed = hash;
    if (hash === location.hash) this.onchange();
    else location.hash = hash;
  }

  /** Whether the address is one that the user chose on this page just now; it is said once. */
  takeChoice() {
    const chosen = this.willed !== null && this.willed === location.hash;
    this.willed = null;
    return chosen;
  }

  /** Change the address of what is shown, without showing it anew and without a step for Back. */
  rename(params) {
    history.replaceState(history.state, "", hashOf(this.path, params));
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
}

/** The hash of a view with parameters; lists are repeated, empty values left out. */
export function hashOf(path, params = {}) {
  const pairs = params instanceof URLSearchParams ? [...params] : Object.entries(params);
  const query = new URLSearchParams();
  for (const [name, value] of pairs) {
    for (const each of [value].flat()) if (each) query.append(name, String(each));
  }
  const text = query.toString();
  return text ? `#${path}?${text}` : `#${path}`;
}
