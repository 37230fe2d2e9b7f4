// One WebSocket for the whole page: the status as it changes, and what happens to files.

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

/**
 * @typedef {object} Heard
 * @property {boolean} connected Whether the status is that of now.
 * @property {Object<string, any> | null} status All of what `GET /status` gives; null before the
 *   first time.
 * @property {Object<string, any> | null} event A `file` or `sweep` event of `/ws`, when that is
 *   what happened; null when the status or the connection is another.
 */

/** Follows `/ws`, and connects again by itself with growing pauses. */
export class Live {
  constructor() {
    /** @type {Set<(heard: Heard) => void>} */
    this.listeners = new Set();
    /** @type {Object<string, any> | null} */
    this.status = null;
    this.connected = false;
    this.waitMs = FIRST_WAIT_MS;
    this.timer = 0;
    this.attempts = 0;
  }

  /** Begin; a page that is shown again, or a network that is back, tries at once. */
  start() {
    this.connect();
    const hurry = () => {
      if (!this.connected && !document.hidden) this.hurry();
    };
    document.addEventListener("visibilitychange", hurry);
    addEventListener("online", hurry);
  }

  /**
   * Hear of every change; what is known already is told at once.
   *
   * @param {(heard: Heard) => void} callback
   * @returns {() => void} Ends it.
   */
  subscribe(callback) {
    this.listeners.add(callback);
    if (this.status || this.attempts > 0) callback(this.heard(null));
    return () => this.listeners.delete(callback);
  }

  /** Try to connect now instead of waiting. */
  hurry() {
    clearTimeout(this.timer);
    this.waitMs = FIRST_WAIT_MS;
    this.connect();
  }

  connect() {
    if (this.socket && this.socket.readyState <= WebSocket.OPEN) return;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/ws`);
    this.socket = socket;
    socket.onmessage = (message) => this.take(JSON.parse(message.data));
    socket.onclose = () => this.lost();
  }

  take(message) {
    if (message.type === "snapshot") {
      this.status = message.status;
      this.connected = true;
      this.waitMs = FIRST_WAIT_MS;
      this.tell(null);
    } else if (message.type === "status" && this.status) {
      this.status = { ...this.status, ...message.status };
      this.tell(null);
    } else if (message.type === "file" || message.type === "sweep") this.tell(message);
  }

  lost() {
    this.connected = false;
    this.attempts += 1;
    this.tell(null);
    this.timer = setTimeout(() => this.connect(), this.waitMs * (0.75 + Math.random() / 2));
    this.waitMs = Math.min(this.waitMs * 2, LONGEST_WAIT_MS);
  }

  /** @returns {Heard} */
  heard(event) {
    return { connected: this.connected, status: this.status, event };
  }

  tell(event) {
    for (const listener of [...this.listeners]) listener(this.heard(event));
  }
}
