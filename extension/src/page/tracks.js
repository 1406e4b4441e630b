// Marked tracks that behave as the microphone's own: they stop it, name it, report its settings.

import { tell } from "./channel.js";
import { apply, call, defineProperty, each, fire, getterOf, listen, makeMap, makeSet, replaceAccess, replaceValue, setterOf } from "./originals.js";

const original = MediaStreamTrack.prototype;
const { applyConstraints, clone, getCapabilities, getConstraints, getSettings, stop } = original;
const isEnabled = getterOf(original, "enabled");
const getKind = getterOf(original, "kind");
const getState = getterOf(original, "readyState");
const setEnabled = setterOf(original, "enabled");
const { clone: cloneStream, getAudioTracks } = MediaStream.prototype;
const calls = makeMap(); // of marked tracks: the microphone that they come from
const owners = { __proto__: null }; // the same, by the number of the microphone
const given = makeMap(); // microphones' own tracks that the page has, and copies of them: { raw, marked }

export const isLive = (track) => call(getState, track) === "live";

export const callOf = (track) => calls.get(track);

/** Return whether a track is a microphone's own: sound of screens and programs is of no group of devices. */
export const isMicrophone = (track) => {
  return !calls.has(track) && call(getSettings, track).groupId !== undefined && call(getKind, track) === "audio";
};

/** Note that a microphone's own sound was given to the page, since marking it failed. */
export const release = (raw) => given.set(raw, { raw, marked: null });

/** Note the marked sound of such a microphone, once there is some. */
export function markReleased(raw, marked) {
  given.get(raw).marked = marked;
}

/** Return `{ raw, marked }` of a microphone that was given to the page, or of a copy of it. */
export const releasedOf = (track) => given.get(track);

/** Return the audio tracks of a stream. */
export const audioTracksOf = (stream) => call(getAudioTracks, stream);

/** Bind marked sound to the microphone that it comes from; `isGiven` where the page has that, too. */
export function adopt(marked, raw, id, isGiven = false) {
  const owner = { id, raw, isGiven, tracks: makeSet(), isBypassed: false };
  add(owner, marked);
  listen(raw, "ended", () => {
    owner.tracks.forEach((track) => {
      if (!isLive(track)) return;
      call(stop, track);
      fire(track, "ended");
    });
    forget(owner);
  });
  each(["mute", "unmute"], (type) => {
    listen(raw, type, () => owner.tracks.forEach((track) => isLive(track) && fire(track, type)));
  });
  owners[id] = owner;
}

export const ownerOf = (id) => owners[id];

function add(owner, track) {
  calls.set(track, owner);
  owner.tracks.add(track);
}

// Whatever holds for a track holds for its copies.
function addCopy(track, copy) {
  const owner = calls.get(track);
  if (owner) add(owner, copy);
  else if (given.has(track)) given.set(copy, given.get(track));
}

function some(owner, test) {
  let found = false;
  owner.tracks.forEach((track) => {
    found ||= isLive(track) && test(track);
  });
  return found;
}

/** Report whether anybody is heard; where the sound goes around the mark, the mute goes along. */
export function reportEnabled(owner) {
  const enabled = some(owner, (track) => call(isEnabled, track));
  if (!owner.isGiven) call(setEnabled, owner.raw, enabled || !owner.isBypassed);
  tell(enabled ? "unmute" : "mute", owner.id);
}

function afterStop(owner) {
  if (some(owner, () => true)) return reportEnabled(owner);
  call(stop, owner.raw);
  return forget(owner);
}

function forget({ id }) {
  delete owners[id];
  tell("end", id);
}

/** Return a method that asks the microphone where there is one, else the track itself. */
const ofRaw = (method) => ({
  method() {
    return apply(method, calls.get(this)?.raw ?? this, arguments);
  },
}).method;

const methods = {
  applyConstraints: ofRaw(applyConstraints),
  getCapabilities: ofRaw(getCapabilities),
  getConstraints: ofRaw(getConstraints),
  getSettings: ofRaw(getSettings),
  stop() {
    const owner = calls.get(this);
    const wasLive = owner && isLive(this);
    call(stop, this);
    if (wasLive) afterStop(owner);
  },
  clone() {
    const copy = call(clone, this);
    addCopy(this, copy);
    return copy;
  },
};

const accesses = {
  enabled: {
    __proto__: null,
    set(value) {
      call(setEnabled, this, value);
      const owner = calls.get(this);
      if (owner) reportEnabled(owner);
    },
  },
};
each(["label", "muted", "stats"], (name) => {
  const get = getterOf(original, name);
  if (get) accesses[name] = { __proto__: null, get: ofRaw(get) };
});
each(Object.keys(methods), (name) => named(methods[name], name));
const METHODS = Object.keys(methods);
const ACCESSES = Object.keys(accesses);

function cloneWithTracks() {
  const copy = call(cloneStream, this);
  const before = call(getAudioTracks, this);
  const after = call(getAudioTracks, copy);
  for (let i = 0; i < before.length; i++) if (after[i]) addCopy(before[i], after[i]);
  return copy;
}

/** Put the wrappers in their places in a window of the page. */
export function wrapTracks(view) {
  const { prototype } = view.MediaStreamTrack;
  each(METHODS, (name) => replaceValue(prototype, name, methods[name]));
  each(ACCESSES, (name) => replaceAccess(prototype, name, accesses[name]));
  replaceValue(view.MediaStream.prototype, "clone", named(cloneWithTracks, "clone"));
}

// Programs that look at a method's name see the one that they expect.
export function named(method, name) {
  defineProperty(method, "name", { __proto__: null, value: name });
  return method;
}
