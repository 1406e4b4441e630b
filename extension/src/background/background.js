// The service worker: the only part that has the keys.  It registers the scripts on the sites that are
// on, gives their calls the signs to write, and shows what they report on the badge.

import { isOn, patternOf, registerScripts } from "../shared/sites.js";
import { readChoices, readSettings } from "../shared/settings.js";
import { BadgeBoard } from "./badge.js";
import { markOlderTabs, watchReloads } from "./older_tabs.js";
import { watchSharing } from "./sharing.js";
import { SignSource } from "./signs.js";

const api = globalThis.browser ?? chrome;
const badges = new BadgeBoard();

async function register() {
  const { off } = await readSettings();
  await registerScripts(off);
}

// One after the other: each takes away what the one before has registered.
let registering = Promise.resolve();
const registerLater = () => {
  registering = registering.then(register, register);
};

api.runtime.onInstalled.addListener(registerLater);
api.permissions.onAdded.addListener(registerLater);
api.permissions.onRemoved.addListener(registerLater);
api.storage.onChanged.addListener((changes) => {
  if (changes.off) registerLater();
});
// Scripts in pages could read the storage otherwise; Firefox does not have this yet.
api.storage.local.setAccessLevel?.({ accessLevel: "TRUSTED_CONTEXTS" });

// A page that was opened before its site was switched off still has the scripts.
async function isWanted({ tab, origin, url }) {
  const { off } = await readSettings();
  const site = patternOf(tab.url ?? "");
  return !off.includes(site) && isOn(patternOf(origin ?? url) || site, off);
}

async function begin(source, sender) {
  if (!await isWanted(sender)) return { isOn: false };
  return { isOn: true, choices: await readChoices(), ...(await source.begin()) };
}

watchSharing(badges);
watchReloads(badges);
markOlderTabs(badges);

api.runtime.onConnect.addListener((port) => {
  const { sender } = port;
  if (port.name !== "call" || sender.id !== api.runtime.id) return;
  const sources = new Map(); // by microphones: the seals of each have numbers in a row
  const sourceOf = (id) => {
    if (!sources.has(id)) sources.set(id, new SignSource());
    return sources.get(id);
  };
  const frame = { tab: sender.tab.id, frame: sender.frameId };
  port.onMessage.addListener(async ({ type, number, id, word, reason }) => {
    if (type === "state") return badges.set(frame, { word, reason });
    try {
      const source = sourceOf(id);
      const answer = type === "begin" ? await begin(source, sender) : await source.nextSeal();
      return port.postMessage({ number, answer });
    } catch (error) {
      return port.postMessage({ number, error: error.message });
    }
  });
  port.onDisconnect.addListener(() => badges.remove(frame));
});
