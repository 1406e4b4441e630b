// Which sites are switched on: all, or some, and some of them off again.

const api = globalThis.browser ?? chrome;

/** Where a page can get a microphone at all. */
export const EVERYWHERE = ["https://*/*", "http://localhost/*", "http://127.0.0.1/*"];

/** @returns {string} the pattern of the site of a page's address; empty if it can have no microphone. */
export function patternOf(address) {
  const { protocol, hostname } = new URL(address);
  const isLocal = protocol === "http:" && ["localhost", "127.0.0.1"].includes(hostname);
  return protocol === "https:" || isLocal ? `${protocol}//${hostname}/*` : "";
}

/** Return whether a site is switched on. */
export function isOn({ all, on, off }, pattern) {
  return pattern !== "" && (all || on.includes(pattern)) && !off.includes(pattern);
}

/** Return the choice with a site switched on or off. */
export function switchSite({ all, on, off }, pattern, isWanted) {
  const others = (list) => list.filter((one) => one !== pattern);
  return {
    all,
    on: isWanted && !all ? [...others(on), pattern] : others(on),
    off: isWanted || !all ? others(off) : [...others(off), pattern],
  };
}

/** Have the scripts run on the sites that are on, and on no other, from the next page that is opened. */
export async function registerScripts({ all, on, off }) {
  const scripting = api.scripting;
  const registered = await scripting.getRegisteredContentScripts();
  if (registered.length) await scripting.unregisterContentScripts();
  const { origins } = await api.permissions.getAll();
  const granted = (pattern) => api.permissions.contains({ origins: [pattern] });
  const wanted = all ? origins : await keep(on, granted);
  if (!wanted.length) return;
  const common = {
    matches: wanted,
    excludeMatches: off,
    runAt: "document_start",
    allFrames: true,
    matchOriginAsFallback: true,
    persistAcrossSessions: true,
  };
  await scripting.registerContentScripts([
    { ...common, id: "content", js: ["content.js"], world: "ISOLATED" },
    { ...common, id: "wrap", js: ["wrap.js"], world: "MAIN" },
  ]);
}

async function keep(list, test) {
  const kept = await Promise.all(list.map(test));
  return list.filter((_, i) => kept[i]);
}
