// What a citation, a result or a file leads to, whatever has become of the file meanwhile.
import { ApiError, get } from "../api.js";
import { fileName } from "../labels.js";

/**
 * A place in a document, however it came to be shown.
 *
 * @typedef {object} Place
 * @property {string} title
 * @property {string} path
 * @property {string} sha256
 * @property {string} quote Empty where nothing is quoted.
 * @property {Object<string, any> | null} locator
 * @property {number} start Where the quote begins in the document's text, in code points.
 * @property {number} end
 * @property {string} citationId Empty where it is no citation.
 * @property {string} note What has to be known of the file before it is read; empty where nothing.
 * @property {boolean} outdated Whether this is not what was found: it is gone, and this is now.
 * @property {Object<string, any> | null} document As `GET /documents/{sha256}` describes it.
 */

/**
 * What is to be shown: a citation's id, a result of `POST /search`, or an item of `GET /files`.
 *
 * @typedef {{citation?: string, hit?: any, file?: any}} Target
 */

const CITED = {
  changed:
    "This file has changed since it was cited. The quote is from the version that was cited.",
  gone: "The file that was cited is not there any more. The quote was kept.",
};
const READ = {
  changed: "This file has changed since it was read. What is shown is what was read.",
  gone: "This file is not there any more. What was read of it is shown.",
};
const CHANGED =
  "This file has changed, and what was found is not in it any more. It is shown as it is now.";
const REREAD = "This file was read anew since it was found, so the place is not marked.";

/** Errors of the server in words for people; its own are for programs. */
const WORDS = {
  file_gone: "This file is not there any more: it was moved or deleted.",
  file_not_found: "This file is not among your files any more.",
  document_not_found: "This file was changed or removed, and is being read anew.",
  passage_not_found: "What was found is not in your files any more.",
  citation_not_found: "This citation is not kept any more. Ask again for a new one.",
  no_preview: "There is no picture of this file.",
};

/** What an error says to people. */
export function inWords(error) {
  return WORDS[error.code] ?? error.message;
}

/** Whether what was looked for is not there, rather than out of reach. */
function isGone(error) {
  return error instanceof ApiError && error.status === 404;
}

/**
 * @param {Target} target
 * @returns {Promise<Place>}
 */
export function placeOf({ citation, hit, file }) {
  if (citation) return ofCitation(citation);
  return hit ? ofHit(hit) : ofFile(file);
}

async function ofCitation(id) {
  const found = await get(`/citations/${encodeURIComponent(id)}`);
  const { citation_id: citationId, char_start: start, char_end: end, standing } = found;
  return { ...found, citationId, start, end, note: CITED[standing] ?? "", outdated: false };
}

async function ofHit({ chunk_id: id, metadata: about }) {
  try {
    const [passage, document] = await Promise.all([
      get(`/passages/${id}`, { params: { around: 0 } }),
      get(`/documents/${about.sha256}`),
    ]);
    const { char_start: start, char_end: end } = passage;
    return { ...plain(about, document), locator: about.locator, start, end };
  } catch (error) {
    if (!isGone(error)) throw error;
    return now(about);
  }
}

/** The file of a passage that is gone, as it is now; at the page on which the passage was. */
async function now({ file_id: id, sha256, locator }) {
  const place = await ofFile(await get(`/files/${id}`));
  const same = locator?.kind === "page" && locator.page <= (place.document?.pages ?? 0);
  return {
    ...place,
    locator: same ? { kind: "page", page: locator.page, boxes: [] } : null,
    note: place.sha256 === sha256 ? REREAD : CHANGED,
    outdated: true,
  };
}

async function ofFile(file) {
  if (!file.sha256) throw new Error(file.error?.message ?? "This file has not been read yet.");
  const document = await get(`/documents/${file.sha256}`).catch((error) => {
    throw file.error ? new Error(file.error.message) : error;
  });
  return plain(file, document);
}

/** A document without a place in it. */
function plain({ title, path, sha256 }, document) {
  return {
    title: title || fileName(path),
    path,
    sha256,
    locator: null,
    start: 0,
    end: 0,
    quote: "",
    citationId: "",
    note: READ[document.standing] ?? "",
    outdated: false,
    document,
  };
}
