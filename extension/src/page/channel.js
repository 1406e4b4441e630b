// The way to the extension's own world in the same frame, where the sound is marked.
//
// An audio element that is in no document is handed over in an event before any code of the page
// runs.  Both worlds see the element, and the stream that is set on it, but no object of each other;
// nobody else can find it.

import { call, defineProperty, dispatch, getterOf, listen, setTimer, setterOf } from "./originals.js";

const ANSWER_MS = 4_000;

const NewCustomEvent = CustomEvent;
const NewStream = MediaStream;
const { addTrack } = MediaStream.prototype;
const getDetail = getterOf(CustomEvent.prototype, "detail");
const getSource = getterOf(HTMLMediaElement.prototype, "srcObject");
const setSource = setterOf(HTMLMediaElement.prototype, "srcObject");

const host = document.createElement("audio");
host.preload = "none";
const waiting = { __proto__: null };
const later = { __proto__: null };
let isConnected = false;
let last = 0;

/** Say something about a microphone, by its number, to the other world. */
export function tell(type, id) {
  dispatch(host, new NewCustomEvent(type, { __proto__: null, detail: id }));
}

/** Call a task, with the number of a microphone, when the other world says so. */
export function on(type, task) {
  listen(host, type, (event) => task(call(getDetail, event)));
}

/**
 * Have the sound of a microphone marked.
 *
 * @param {MediaStreamTrack} raw
 * @param {(answer: {id: number, stream: MediaStream | null}) => void} done gets null if the sound has
 *   to go out as it is; the other world then knows why.
 */
export function askForMark(raw, done) {
  const id = ++last;
  if (!isConnected) return done({ id, stream: null });
  waiting[id] = done;
  const stream = new NewStream();
  call(addTrack, stream, raw);
  call(setSource, host, stream);
  tell("mark", id);
  call(setSource, host, null);
  return setTimer(() => {
    if (!waiting[id]) return;
    tell("late", id);
    finish(id, null);
  }, ANSWER_MS);
}

/** Call a task with the marked sound of a microphone that went out as it is, once there is some. */
export function onLater(id, task) {
  later[id] = task;
}

function finish(id, stream) {
  const done = waiting[id];
  delete waiting[id];
  done({ id, stream });
}

/** Show the element to the other world, whichever of both runs first. */
export function connect() {
  listen(host, "connected", () => {
    isConnected = true;
  });
  on("answer", (id) => {
    const stream = call(getSource, host);
    if (waiting[id]) finish(id, stream);
  });
  on("later", (id) => {
    const task = later[id];
    delete later[id];
    if (task) task(call(getSource, host));
  });
  const hello = () => {
    if (!isConnected) dispatch(document, new MouseEvent("sottovoce-hello", { relatedTarget: host }));
  };
  listen(document, "sottovoce-listens", hello, { once: true });
  hello();
  // A promise that resolves to a stream asks it for `then`: whatever the page defines for all objects
  // would be called with the raw microphone.
  defineProperty(MediaStream.prototype, "then", { value: undefined });
}
