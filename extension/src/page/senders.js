// Where the sound of a marked track is sent: if it stops for a fault of ours, the microphone's own
// sound takes its place there.  Unmarked is bad, but silence is worse.

import { tell } from "./channel.js";
import { apply, call, each, getterOf, makeMap, makeSet, replaceValue } from "./originals.js";
import { callOf, isMicrophone, markReleased, named, ownerOf, releasedOf, reportEnabled } from "./tracks.js";

const Connection = window.RTCPeerConnection;
const Reference = window.WeakRef;
const { deref } = Reference.prototype;
const { replaceTrack } = Connection ? RTCRtpSender.prototype : {};
const { getSenders } = Connection ? Connection.prototype : {};
const getTrack = Connection && getterOf(RTCRtpSender.prototype, "track");
const getSender = Connection && getterOf(RTCRtpTransceiver.prototype, "sender");
const references = makeSet();
const known = makeMap();
const moved = makeMap(); // senders that send a microphone's own sound, and the marked track they had

/** Send marked sound wherever a microphone's own is sent, from now on. */
export function exchangeSent(raw, marked) {
  markReleased(raw, marked);
  eachSender((sender) => {
    const track = call(getTrack, sender);
    check(track);
    send(sender, track);
  });
}

/**
 * Send what has to be sent of a track: the mark where it is a microphone's own, and the microphone's own
 * where the mark is silent.  Returns nothing where that is the track itself.
 */
function send(sender, track) {
  const released = track && releasedOf(track);
  const marked = released?.raw === track ? released.marked ?? track : track;
  const owner = marked ? callOf(marked) : null;
  if (owner?.isBypassed) {
    moved.set(sender, marked);
    return call(replaceTrack, sender, owner.raw);
  }
  return marked === track ? null : call(replaceTrack, sender, marked);
}

// Look after a sender that the page has just made.
function settle(sender) {
  const track = call(getTrack, sender);
  check(track);
  note(sender);
  send(sender, track);
}

// A microphone's own sound that is sent comes from somewhere that nothing looked after; or it is a copy
// that the page made while there was no mark, and which it may have muted by itself.
function check(track) {
  if (!track || !isMicrophone(track)) return;
  const released = releasedOf(track);
  if (!released || (released.marked && released.raw !== track)) tell("around", 0);
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
    if (track && callOf(track) === owner) send(sender, track);
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
      settle(sender);
      return sender;
    };
  },
  addTransceiver(original) {
    return function addTransceiver() {
      const transceiver = apply(original, this, arguments);
      settle(call(getSender, transceiver));
      return transceiver;
    };
  },
  // Its senders are found afterwards; browsers that have it have kept it for old pages.
  addStream(original) {
    return function addStream() {
      apply(original, this, arguments);
      each(call(getSenders, this), settle);
    };
  },
};

function replaceMarked(track) {
  check(track);
  note(this);
  return send(this, track) ?? apply(replaceTrack, this, arguments);
}

const wrapped = Connection && Object.keys(methods).filter((name) => name in Connection.prototype).map((name) => ({
  name,
  method: named(methods[name](Connection.prototype[name]), name),
}));

/** Put the wrappers in their places in a window of the page. */
export function wrapSenders(view) {
  if (!Connection) return;
  each(wrapped, ({ name, method }) => replaceValue(view.RTCPeerConnection.prototype, name, method));
  replaceValue(view.RTCRtpSender.prototype, "replaceTrack", named(replaceMarked, "replaceTrack"));
}
