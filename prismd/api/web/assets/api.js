// Requests to the daemon that served this page. The cookie is the browser's; no token is known here.

/** A request that was refused or failed; `message` is the server's own and says what to do. */
export class ApiError extends Error {
  /**
   * @param {string} message
   * @param {{status?: number, code?: string, param?: string | null}} [more] `status` is 0 where
   *   the daemon could not be reached.
   */
  constructor(message, { status = 0, code = "", param = null } = {}) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.param = param;
  }

  /** Whether the daemon could not be reached at all. */
  get unreachable() {
    return this.code === "unreachable";
  }
}

/** What is said where the daemon does not let this browser in. */
export const SIGNED_OUT =
  "This browser is not signed in any more. Run 'prismd token --open' in a terminal of this computer; this page then goes on by itself.";

/** @type {(admitted: boolean) => void} */
let tell = () => {};

/**
 * Have it told with every answer whether the daemon still lets this browser in.
 *
 * @param {(admitted: boolean) => void} callback
 */
export function onAdmission(callback) {
  tell = callback;
}

/** Whether an error is nothing but that the user, or the page, took the request back. */
export function isAborted(error) {
  return error?.name === "AbortError";
}

/** A path with its query; empty values are left out, lists are repeated. */
function address(path, params = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    for (const each of [value].flat()) {
      if (each !== "" && each !== null && each !== undefined) query.append(name, String(each));
    }
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

/**
 * GET as JSON.
 *
 * @param {string} path
 * @param {{params?: Object, signal?: AbortSignal}} [options]
 */
export async function get(path, { params, signal } = {}) {
  return (await send(address(path, params), { signal })).json();
}

/**
 * Whether there is something at a path, for what cannot tell why it did not come: pictures, players.
 *
 * @param {string} path
 * @throws {ApiError} There is not; why.
 */
export async function check(path) {
  const response = await send(path, {});
  await response.body?.cancel();
}

/**
 * POST a value as JSON, and read JSON.
 *
 * @param {string} path
 * @param {Object} [body]
 * @param {{signal?: AbortSignal}} [options]
 */
export async function post(path, body = {}, { signal } = {}) {
  return (await send(path, withJson("POST", body, signal))).json();
}

/**
 * DELETE; answers are JSON here as well.
 *
 * @param {string} path
 * @param {{params?: Object, signal?: AbortSignal}} [options]
 */
export async function del(path, { params, signal } = {}) {
  return (await send(address(path, params), { method: "DELETE", signal })).json();
}

/**
 * POST, and read server-sent events as they come; ending the iteration takes the request back.
 *
 * @param {string} path
 * @param {Object} body
 * @param {{signal?: AbortSignal}} [options]
 * @returns {AsyncGenerator<any>} The data of each event.
 * @throws {ApiError} An event holds an error's envelope, or the stream breaks off.
 */
export async function* stream(path, body, { signal } = {}) {
  const response = await send(path, withJson("POST", { ...body, stream: true }, signal));
  const reader = response.body.getReader();
  let done = false;
  try {
    for await (const data of events(reader)) {
      done = data === "[DONE]";
      if (done) continue;
      const event = JSON.parse(data);
      if (event.error) throw errorOf(event, 500);
      yield event;
    }
    if (!done) throw broken();
  } catch (error) {
    throw error instanceof TypeError ? broken() : error;
  } finally {
    if (!done) reader.cancel().catch(() => {});
  }
}

async function* events(reader) {
  const decoder = new TextDecoder();
  let held = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    held += decoder.decode(value, { stream: true });
    for (let end = held.indexOf("\n\n"); end >= 0; end = held.indexOf("\n\n")) {
      const lines = held.slice(0, end).split("\n");
      held = held.slice(end + 2);
      const data = lines
        .filter((line) => line.startsWith("data:"))
        .map((line) => line.slice(5).trimStart());
      if (data.length) yield data.join("\n");
    }
  }
}

/**
 * POST a form with files, telling how far it has come.
 *
 * @param {string} path
 * @param {FormData} form
 * @param {{signal?: AbortSignal, onprogress?: (sent: number, total: number) => void}} [options]
 */
export function upload(path, form, { signal, onprogress } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch does not tell how much of a body was sent
    request.open("POST", path);
    request.responseType = "json";
    request.upload.onprogress = (event) => onprogress?.(event.loaded, event.total);
    request.onload = () => {
      tell(request.status !== 401);
      if (request.status < 400) resolve(request.response);
      else reject(errorOf(request.response, request.status));
    };
    request.onerror = () => reject(unreachable());
    request.onabort = () => reject(new DOMException("taken back", "AbortError"));
    signal?.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

function withJson(method, body, signal) {
  return {
    method,
    signal,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  };
}

async function send(path, options) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...options });
  } catch (error) {
    throw isAborted(error) ? error : unreachable();
  }
  tell(response.status !== 401);
  if (response.ok) return response;
  throw errorOf(await response.json().catch(() => null), response.status);
}

function errorOf(body, status) {
  const told = body?.error;
  if (status === 401) return new ApiError(SIGNED_OUT, { status, code: "signed_out" });
  if (!told) return new ApiError(`The daemon answered with status ${status}.`, { status });
  return new ApiError(told.message, { status, code: told.code ?? "", param: told.param ?? null });
}

function unreachable() {
  return new ApiError("prismd cannot be reached. Start it with 'prismd run'.", {
    code: "unreachable",
  });
}

function broken() {
  return new ApiError("The answer broke off: the connection to prismd was lost. Ask again.", {
    code: "unreachable",
  });
}
