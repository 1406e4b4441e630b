// Pages that were opened before the extension was installed, updated or switched on again.  The scripts of
// an earlier one go on with the microphones that they mark, but no message of theirs comes here, and a
// microphone that is opened later goes out as it is.  So their tabs say that they have to be reloaded.

import { isOn, patternOf } from "../shared/sites.js";
import { readSettings } from "../shared/settings.js";

const api = globalThis.browser ?? chrome;
const OLDER_FRAME = "older";

/** Look at the tabs whose sites are switched on, once after the extension has begun. */
export async function markOlderTabs(badges) {
  const { hasBegun } = await api.storage.session.get({ hasBegun: false });
  if (hasBegun) return;
  await api.storage.session.set({ hasBegun: true });
  const { off } = await readSettings();
  for (const { id, url, status } of await api.tabs.query({})) {
    const isWanted = status === "complete" && await isOn(patternOf(url ?? ""), off);
    if (!isWanted || await hasScript(id)) continue;
    await badges.set({ tab: id, frame: OLDER_FRAME }, { word: "older", reason: "" });
  }
}

/** Take the sign away from tabs that are reloaded. */
export function watchReloads(badges) {
  api.tabs.onUpdated.addListener((tab, { status }) => {
    if (status === "loading") badges.remove({ tab, frame: OLDER_FRAME });
  });
}

function hasScript(tab) {
  return new Promise((resolve) => {
    const port = api.tabs.connect(tab, { name: "popup" });
    port.onDisconnect.addListener(() => {
      void api.runtime.lastError; // no script of ours is there
      resolve(false);
    });
    port.onMessage.addListener(() => {
      port.disconnect();
      resolve(true);
    });
  });
}
