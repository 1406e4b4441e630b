// Every way in which a page gets a microphone: the stream that it gets has the marked track.

import { askForMark, onLater, tell } from "./channel.js";
import { apply, call, each, listen, onceDone, promise, replaceValue } from "./originals.js";
import { exchangeSent } from "./senders.js";
import { adopt, audioTracksOf, isMicrophone, isLive, named, release } from "./tracks.js";

const { addTrack, removeTrack } = MediaStream.prototype;
const LEGACY = ["getUserMedia", "webkitGetUserMedia", "mozGetUserMedia"];

/** Exchange the microphone in a stream for its marked sound, and then call a task with the stream. */
export function exchange(stream, done) {
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
      onLater(id, (later) => {
        const own = audioTracksOf(later)[0];
        adopt(own, raw, id, true);
        exchangeSent(raw, own);
      });
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

/** Put the wrappers in their places in a window of the page. */
export function wrapMicrophones(view) {
  if (getUserMedia) replaceValue(view.MediaDevices.prototype, "getUserMedia", getUserMedia);
  each(legacy, ({ name, method }) => replaceValue(view.Navigator.prototype, name, method));
}
