// Where the sound of a marked track is sent: if it stops for a fault of ours, the microphone's own
// sound takes its place there.  Unmarked is bad, but silence is worse.

import { tell } from "./channel.js";
import { apply, call, each, getterOf, makeMap, makeSet, replaceValue } from "./originals.js";
import { callOf, isMicrophone, named, ownerOf, reportEnabled } from "./tracks.js";

const Connection = window.RTCPeerConnection;
const Reference = window.WeakRef;
const { deref } = Reference.prototype;
const { replaceTrack } = Connection ? RTCRtpSender.prototype : {};
const getTrack = Connection && getterOf(RTCRtpSender.prototype, "track");
const getSender = Connection && getterOf(RTCRtpTransceiver.prototype, "sender");
const references = makeSet();
const known = makeMap();
const released = makeMap();
const exchanged = makeMap(); // microphones' own tracks that the page has, and the marked ones that are sent instead
const moved = makeMap(); // senders that send a microphone's own sound, and the marked track they had

/** Note that a microphone's own sound was given to the page, since marking it failed. */
export const release = (track) => released.set(track, true);

/** Send marked sound wherever a microphone's own is sent, from now on. */
export function exchangeSent(raw, marked) {
  exchanged.set(raw, marked);
  eachSender((sender) => exchangeIn(sender));
}

function exchangeIn(sender) {
  const marked = exchanged.get(call(getTrack, sender));
  if (marked) call(replaceTrack, sender, marked);
}

// A microphone's own sound that is sent comes from somewhere that nothing looked after.
function check(track) {
  if (track && isMicrophone(track) && !released.has(track)) tell("around", 0);
}

function note(sender) {
  if (known.has(sender)) return;
  known.set(sender, true);
  references.add(new Reference(sender));
}

function eachSender(task) {
  references.forEach((reference) => {
    const sender = call(deref, reference);
    if (sender) task(sender);
    else references.remove(reference);
  });
}

/** Send a microphone's own sound wherever its marked track is sent. */
export function bypass(id) {
  const owner = ownerOf(id);
  if (!owner || owner.isBypassed) return;
  owner.isBypassed = true;
  reportEnabled(owner);
  eachSender((sender) => {
    const track = call(getTrack, sender);
    if (!track || callOf(track) !== owner) return;
    moved.set(sender, track);
    call(replaceTrack, sender, owner.raw);
  });
}

/** Send the marked track again. */
export function restore(id) {
  const owner = ownerOf(id);
  if (!owner?.isBypassed) return;
  owner.isBypassed = false;
  reportEnabled(owner);
  eachSender((sender) => {
    if (call(getTrack, sender) === owner.raw) call(replaceTrack, sender, moved.get(sender));
  });
}

const methods = Connection && {
  addTrack(original) {
    return function addTrack() {
      const sender = apply(original, this, arguments);
      check(call(getTrack, sender));
      note(sender);
      exchangeIn(sender);
      return sender;
    };
  },
  addTransceiver(original) {
    return function addTransceiver() {
      const transceiver = apply(original, this, arguments);
      const sender = call(getSender, transceiver);
      check(call(getTrack, sender));
      note(sender);
      exchangeIn(sender);
      return transceiver;
    };
  },
};

function replaceMarked(track) {
  check(track);
  note(this);
  const marked = track ? exchanged.get(track) : null;
  if (marked) return call(replaceTrack, this, marked);
  const owner = track ? callOf(track) : null;
  if (!owner?.isBypassed) return apply(replaceTrack, this, arguments);
  moved.set(this, track);
  return call(replaceTrack, this, owner.raw);
}

const wrapped = Connection && Object.keys(methods).map((name) => ({
  name,
  method: named(methods[name](Connection.prototype[name]), name),
}));

/** Put the wrappers in their places in a window of the page. */
export function wrapSenders(view) {
  if (!Connection) return;
  each(wrapped, ({ name, method }) => replaceValue(view.RTCPeerConnection.prototype, name, method));
  replaceValue(view.RTCRtpSender.prototype, "replaceTrack", named(replaceMarked, "replaceTrack"));
}
