// Places, sizes and times in words.

const TYPE_ICONS = { document: "document", image: "image", audio: "audio", text: "text" };
const TYPE_NAMES = {
  document: "Documents",
  image: "Pictures",
  audio: "Recordings",
  text: "Text and code",
};

/** The types of files that a filter knows, with their names. */
export const TYPES = Object.entries(TYPE_NAMES);

/** Name of the icon of a file's type. */
export function typeIcon(type) {
  return TYPE_ICONS[type] ?? "file";
}

/** A moment of a recording: 0:42, from an hour on 1:02:03. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes, rest] = [
    Math.floor(whole / 3600),
    Math.floor(whole / 60) % 60,
    whole % 60,
  ];
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** Where a locator points, such as "page 3"; empty for a picture as such. */
export function place(locator) {
  if (!locator) return "";
  if (locator.kind === "page") return `page ${locator.page}`;
  if (locator.kind === "time") return clock(locator.start_s);
  if (locator.kind === "image") return "";
  const { line_start: first, line_end: last } = locator;
  return first === last ? `line ${first}` : `lines ${first}–${last}`;
}

/** By these a program that ends in ".exe" can look as if it ended in ".txt". */
const TURNING = /[\u202a-\u202e\u2066-\u2069]/g;

/** A name as it may be shown: signs that turn what follows them around are seen as such. */
export function seen(name) {
  return name.replace(TURNING, "\ufffd");
}

/** The last part of a path, to be shown. */
export function fileName(path) {
  return seen(path.split(/[\\/]/).filter(Boolean).at(-1) ?? path);
}

/**
 * As much of the end of each path as makes it differ from the others: its name alone, mostly; to be
 * shown.
 *
 * @param {string[]} paths
 * @returns {Map<string, string>}
 */
export function tails(paths) {
  /** @type {[string, string[]][]} */
  const all = [...new Set(paths)].map((path) => [path, seen(path).split(/[\\/]/).filter(Boolean)]);
  const end = (parts, many) => parts.slice(-many).join("/");
  return new Map(
    all.map(([path, parts]) => {
      const others = all.filter(([other]) => other !== path);
      const differs = (many) => others.every(([, each]) => end(each, many) !== end(parts, many));
      let many = 1;
      while (many < parts.length && !differs(many)) many += 1;
      return [path, end(parts, many) || seen(path)];
    }),
  );
}

/** The folder of a path, its front left out where it is long. */
export function folderOf(path, most = 3) {
  const parts = seen(path).split("/").filter(Boolean).slice(0, -1);
  return parts.length > most ? `…/${parts.slice(-most).join("/")}` : `/${parts.join("/")}`;
}

/** Where a file is; those of no folder were uploaded. */
export function whereIn(path, most = 3) {
  return path.startsWith("/") ? folderOf(path, most) : "Uploaded";
}

/** A path to be shown on one line: its folder, as far as there is room for it, and its name. */
export function shownPath(path, most) {
  if (!path.startsWith("/")) return `Uploaded: ${fileName(path)}`;
  return `${folderOf(path, most)}/${fileName(path)}`;
}

/** Bytes in the unit that suits them. */
export function size(bytes) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  const step = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** step;
  return `${step && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[step]}`;
}

/** A day as this browser's language writes it. */
export function day(iso) {
  const date = new Date(iso);
  return Number.isNaN(date.getTime())
    ? iso
    : date.toLocaleDateString(undefined, { dateStyle: "medium" });
}

/** A number with its noun. */
export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString()} ${number === 1 ? one : many}`;
}

/** Text on one line, cut at so many characters. */
export function short(text, most) {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > most ? `${line.slice(0, most).trimEnd()}…` : line;
}

const SUPPORT = {
  exact: "quoted word for word",
  supported: "supported by the source",
  weak: "weakly supported",
  none: "not supported",
};

/** How far a source bears a sentence out. */
export function support(level) {
  return SUPPORT[level] ?? level;
}
