// Firefox tells which tabs have a microphone: one that has it while no script of ours has seen it goes
// around the mark.  Chromium tells extensions nothing of the kind.

import { isOn, patternOf } from "../shared/sites.js";
import { readSettings } from "../shared/settings.js";

const api = globalThis.browser ?? chrome;
/** How long a microphone may take to come through the wrapper. */
const SETTLED_MS = 5_000;
const SHARING_FRAME = "sharing";

async function judge(badges, tab) {
  const { sharingState, url } = await api.tabs.get(tab);
  const { off } = await readSettings();
  const isUnseen = sharingState?.microphone && await isOn(patternOf(url ?? ""), off) && !badges.hasCall(tab);
  const frame = { tab, frame: SHARING_FRAME };
  return isUnseen ? badges.set(frame, { word: "unmarked", reason: "around" }) : badges.remove(frame);
}

/** Watch the tabs, where the browser tells. */
export function watchSharing(badges) {
  const look = (tab) => setTimeout(() => judge(badges, tab).catch(() => {}), SETTLED_MS);
  try {
    api.tabs.onUpdated.addListener(look, { properties: ["sharingState"] });
  } catch {
    // Chromium knows no such filter.
  }
}
