// What was searched for, where it may not stand in the address: a browser writes addresses into
// its history, and many a browser sends that on to other devices.
//
// The words lie in `window.name`, which lasts as long as the tab does, through Back and through
// loading the page again, and is cleared before a page of anybody else is shown there: Back from
// such a page finds no words any more, which the page says. Unlike `history.state` and
// `sessionStorage` it is nothing that a browser writes to the disk.
const MOST = 50;

/**
 * Keep words for as long as this tab is open.
 *
 * @param {string} words
 * @returns {string} What `recalled` gives them for.
 */
export function kept(words) {
  const all = everything();
  const known = all.find(([, each]) => each === words);
  if (known) return known[0];
  const key = `${Date.now().toString(36)}-${all.length}`;
  window.name = JSON.stringify({ searched: [...all, [key, words]].slice(-MOST) });
  return key;
}

/** The words of a key, or nothing where they are not known in this tab. */
export function recalled(key) {
  return everything().find(([each]) => each === key)?.[1] ?? "";
}

/** @returns {[string, string][]} Keys with their words, oldest first. */
function everything() {
  try {
    const { searched } = JSON.parse(window.name);
    return searched.filter(([key, words]) => typeof key === "string" && typeof words === "string");
  } catch {
    return []; // nothing is kept yet, or the name is somebody else's
  }
}
