// Pictures that are searched by, for as long as the page is open; nothing keeps them.

const MOST = 4;

/**
 * @typedef {object} Picture
 * @property {string} name
 * @property {string} url Shows it on this page.
 * @property {string} data The data URL that `POST /search` takes.
 */

/** Pictures by the key that the address has of them, so that Back leads to the right one. */
export class Pictures {
  constructor() {
    /** @type {Map<string, Picture>} */
    this.held = new Map();
  }

  /** @param {string} key */
  get(key) {
    return this.held.get(key) ?? null;
  }

  /**
   * Hold a picture; the oldest of many goes.
   *
   * @param {File} file
   * @returns {Promise<string>} Its key, which no other picture has, after the page was loaded
   *   again either.
   */
  async hold(file) {
    const data = await dataUrl(file);
    const key = Date.now().toString(36);
    this.held.set(key, { name: file.name || "Pasted picture", url: URL.createObjectURL(file), data });
    const [oldest] = this.held.keys();
    if (this.held.size > MOST) this.drop(oldest);
    return key;
  }

  drop(key) {
    URL.revokeObjectURL(this.held.get(key)?.url ?? "");
    this.held.delete(key);
  }
}

/** A file as a data URL; it goes nowhere else. */
function dataUrl(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

/** Why nothing can be searched by a picture, as the status has it; empty where it can. */
export function unable(status) {
  const model = status?.models.image;
  if (!model || !["missing", "error", "off"].includes(model.state)) return "";
  if (model.state === "off") return "Searching by picture is switched off in the configuration.";
  return `Searching by picture needs a model of pictures: ${model.detail}`;
}
