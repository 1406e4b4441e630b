// Which sites are switched on: those that the browser permits, but for those that are off.

const api = globalThis.browser ?? chrome;

/** Where a page can get a microphone at all. */
export const EVERYWHERE = ["https://*/*", "http://localhost/*", "http://127.0.0.1/*"];

/** @returns {string} the pattern of the site of a page's address; empty if it can have no microphone. */
export function patternOf(address) {
  if (!URL.canParse(address)) return "";
  const { protocol, hostname } = new URL(address);
  const isLocal = protocol === "http:" && ["localhost", "127.0.0.1"].includes(hostname);
  return protocol === "https:" || isLocal ? `${protocol}//${hostname}/*` : "";
}

/** @returns {string} the name of the site of a pattern, as people write it. */
export const nameOf = (pattern) => pattern.replace(/^\w+:\/\/|\/\*$/g, "");

const isPermitted = (pattern) => api.permissions.contains({ origins: [pattern] });

/** @returns {Promise<boolean>} whether a site is switched on. */
export async function isOn(pattern, off) {
  return pattern !== "" && !off.includes(pattern) && isPermitted(pattern);
}

/** @returns {Promise<boolean>} whether every site is. */
export const isOnEverywhere = () => isPermitted(EVERYWHERE[0]);

/** @returns {Promise<string[]>} the patterns of single sites that are switched on. */
export async function listSingle() {
  const { origins = [] } = await api.permissions.getAll();
  return origins.filter((one) => !EVERYWHERE.includes(one));
}

/**
 * Ask for a permission, and give it back if it is not wanted; the first thing to do after a click.
 *
 * @returns {Promise<boolean>} whether it is as wanted.
 */
export async function permit(patterns, isWanted) {
  if (isWanted) return api.permissions.request({ origins: patterns });
  // One that the browser or its administrator has set stays.
  await api.permissions.remove({ origins: patterns }).catch(() => false);
  return true;
}

/** Have the scripts run on the sites that are on, and on no other, from the next page that is opened. */
export async function registerScripts(off) {
  const { scripting } = api;
  const registered = await scripting.getRegisteredContentScripts();
  if (registered.length) await scripting.unregisterContentScripts();
  const { origins = [] } = await api.permissions.getAll();
  if (!origins.length) return;
  const common = {
    matches: origins,
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
