// Every way in which a page gets a microphone: the stream that it gets has the marked track.

import { askForMark, tell } from "./channel.js";
import { apply, call, each, fire, getterOf, listen, makeMap, onceDone, promise, replaceAccess, replaceValue } from "./originals.js";
import { release } from "./senders.js";
import { adopt, audioTracksOf, isMicrophone, isLive, named } from "./tracks.js";

const { addTrack, removeTrack } = MediaStream.prototype;
const LEGACY = ["getUserMedia", "webkitGetUserMedia", "mozGetUserMedia"];

/** Exchange the microphone in a stream for its marked sound, and then call a task with the stream. */
function exchange(stream, done) {
  const raw = audioTracksOf(stream)[0];
  if (!raw || !isMicrophone(raw)) return done(stream);
  return askForMark(raw, ({ id, stream: heard }) => {
    const marked = heard && audioTracksOf(heard)[0];
    if (marked && isLive(raw)) {
      call(removeTrack, stream, raw);
      call(addTrack, stream, marked);
      adopt(marked, raw, id);
    } else {
      release(raw);
      listen(raw, "ended", () => tell("end", id));
    }
    done(stream);
  });
}

function wrapAsync(original) {
  return {
    getUserMedia() {
      const asked = apply(original, this, arguments);
      return promise((resolve, reject) => onceDone(asked, (stream) => exchange(stream, resolve), reject));
    },
  }.getUserMedia;
}

function wrapLegacy(original, name) {
  const { method } = {
    method(constraints, onStream, onError) {
      if (typeof onStream !== "function") return apply(original, this, arguments);
      const onRaw = (stream) => exchange(stream, (marked) => call(onStream, undefined, marked));
      return call(original, this, constraints, onRaw, onError);
    },
  };
  return named(method, name);
}

const getUserMedia = window.MediaDevices && wrapAsync(MediaDevices.prototype.getUserMedia);
const legacy = LEGACY.filter((name) => name in Navigator.prototype).map((name) => ({
  name,
  method: wrapLegacy(Navigator.prototype[name], name),
}));

// The elements <usermedia> and <microphone> of newer browsers have a stream once the person allowed it.
const states = makeMap(); // of their streams: whether the marked track is in them
const getElementStream = window.HTMLUserMediaElement && getterOf(HTMLUserMediaElement.prototype, "stream");
const getTarget = getterOf(Event.prototype, "target");
const { stopImmediatePropagation } = Event.prototype;

function prepare(element, stream) {
  if (states.has(stream)) return;
  states.set(stream, false);
  exchange(stream, () => {
    states.set(stream, true);
    fire(element, "stream");
  });
}

const readElementStream = getterOf({
  get stream() {
    const stream = call(getElementStream, this);
    if (!stream || states.get(stream)) return stream;
    prepare(this, stream);
    return null;
  },
}, "stream");

function onElementStream(event) {
  const element = call(getTarget, event);
  let stream = null;
  try {
    stream = call(getElementStream, element);
  } catch {
    return; // an event of this name at something else
  }
  if (!stream || states.get(stream)) return;
  call(stopImmediatePropagation, event);
  prepare(element, stream);
}

/** Put the wrappers in their places in a window of the page. */
export function wrapMicrophones(view) {
  if (getUserMedia) replaceValue(view.MediaDevices.prototype, "getUserMedia", getUserMedia);
  each(legacy, ({ name, method }) => replaceValue(view.Navigator.prototype, name, method));
  if (!getElementStream) return;
  replaceAccess(view.HTMLUserMediaElement.prototype, "stream", { __proto__: null, get: readElementStream });
  listen(view, "stream", onElementStream, true);
}
