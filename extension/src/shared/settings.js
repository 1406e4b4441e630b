// What the person has chosen, in the browser's local storage.

const api = globalThis.browser ?? chrome;

/** Presets of what is refused, as `sottovoce.core.policy.POLICIES`. */
export const POLICIES = { all: 0x7f, training: 0x0f, cloning: 0x05 };

const DEFAULTS = {
  policy: POLICIES.all,
  strength: "strong",
  off: [], // sites that are switched off, although the browser permits them
  page: "", // address of the person's copy of the browser page
};

/** @returns {Promise<{policy: number, strength: string, off: string[], page: string}>} */
export const readSettings = () => api.storage.local.get(DEFAULTS);

/** @returns {Promise<string>} what a mark is made of now, as a text that changes with it. */
export async function readChoices() {
  const { policy, strength } = await readSettings();
  const { owner } = await readOwner();
  return [policy, strength, owner?.id ?? "", owner?.seal ? "sealed" : ""].join(" ");
}

export const writeSettings = (changes) => api.storage.local.set(changes);

/**
 * The owner of the marks: an owner id and the key of the seal, never the private key.
 *
 * @typedef {object} Owner
 * @property {string} name as its file is called.
 * @property {string} id 12 hexadecimal digits.
 * @property {string} seal 64 hexadecimal digits; empty if the file does not hold the key.
 *
 * @returns {Promise<{owner: Owner | null, isKept: boolean}>} null: the marks are anonymous.
 */
export async function readOwner() {
  const { owner: kept } = await api.storage.local.get({ owner: null });
  if (kept) return { owner: kept, isKept: true };
  const { owner } = await api.storage.session.get({ owner: null });
  return { owner, isKept: false };
}

/** Use an owner until the browser is closed, or until it is forgotten if `isKept`. */
export async function writeOwner(owner, isKept) {
  await forgetOwner();
  await api.storage[isKept ? "local" : "session"].set({ owner });
}

export async function forgetOwner() {
  await api.storage.local.remove("owner");
  await api.storage.session.remove("owner");
}
