// Pausing, going on and looking through the folders, for whoever shows a button for it.
import { act } from "./acting.js";
import { moment } from "./figures.js";

const MINUTE_S = 60;

/** The pauses that are offered; `for_s` null is until resumed. */
export const PAUSES = [
  { for_s: 15 * MINUTE_S, short: "15 minutes", name: "Pause for 15 minutes" },
  { for_s: 60 * MINUTE_S, short: "1 hour", name: "Pause for 1 hour" },
  { for_s: null, short: "Until I resume", name: "Pause until I resume" },
];

/** Begin nothing more, for so long. */
export function pause(context, button, for_s) {
  return act(context, button, async () => {
    const switched = await context.api.post("/pause", { for_s });
    const until = switched.paused?.until;
    context.announce(until ? `Paused until ${moment(new Date(until * 1000))}` : "Paused");
    note(context, switched);
  });
}

/** Go on; against the schedule, too, with `override`. */
export function resume(context, button, { override = false } = {}) {
  return act(context, button, async () => {
    const switched = await context.api.post("/resume", { override });
    const held = switched.paused;
    context.announce(held ? `Still waiting: ${held.why}` : "Resumed");
    note(context, switched);
  });
}

/** Have all folders compared with the index. */
export function rescan(context, button) {
  return act(context, button, async () => {
    await context.api.post("/rescan");
    context.toast("Your folders are being looked through.");
  });
}

/** Why a restart would not find it switched so. */
function note(context, switched) {
  if (switched.note) context.toast(switched.note, { error: true });
}
