// The elements <usermedia> and <microphone> of newer browsers: they have a stream, or a track, once the
// person has allowed it.  The page gets neither before the sound is marked.

import { exchange } from "./microphones.js";
import { call, each, fire, getterOf, listen, makeMap, replaceAccess } from "./originals.js";
import { audioTracksOf } from "./tracks.js";

const NewStream = MediaStream;
const { addTrack } = MediaStream.prototype;
const getTarget = getterOf(Event.prototype, "target");
const { stopImmediatePropagation } = Event.prototype;
const marked = makeMap(); // of what the browser gives: what the page gets; null until it is there

const KINDS = [
  {
    type: "HTMLUserMediaElement",
    name: "stream",
    mark: (stream, done) => exchange(stream, done),
  },
  {
    type: "HTMLMicrophoneElement",
    name: "track",
    mark(track, done) {
      const stream = new NewStream();
      call(addTrack, stream, track);
      exchange(stream, () => done(audioTracksOf(stream)[0]));
    },
  },
];

const wrapped = KINDS.filter(({ type }) => type in window).map(({ type, name, mark }) => {
  const original = getterOf(window[type].prototype, name);

  function prepare(element, given) {
    if (marked.has(given)) return;
    marked.set(given, null);
    mark(given, (own) => {
      marked.set(given, own);
      fire(element, name);
    });
  }

  const access = {
    __proto__: null,
    get() {
      const given = call(original, this);
      if (!given) return given;
      prepare(this, given);
      return marked.get(given);
    },
  };

  function onEvent(event) {
    const element = call(getTarget, event);
    let given = null;
    try {
      given = call(original, element);
    } catch {
      return; // an event of this name at something else
    }
    if (!given || marked.get(given)) return;
    call(stopImmediatePropagation, event);
    prepare(element, given);
  }

  return { type, name, access, onEvent };
});

/** Put the wrappers in their places in a window of the page. */
export function wrapElements(view) {
  each(wrapped, ({ type, name, access, onEvent }) => {
    replaceAccess(view[type].prototype, name, access);
    listen(view, name, onEvent, true);
  });
}
