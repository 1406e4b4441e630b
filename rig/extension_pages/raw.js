// What a page can still reach of the browser itself: the window of a frame before its document has
// come, by its number.  The tests need it, to see behind the wrapper.

function reachBehind() {
  const frame = document.createElement("iframe");
  frame.src = "javascript:1";
  document.documentElement.append(frame);
  const view = frames[frames.length - 1];
  const { getUserMedia } = view.MediaDevices.prototype;
  const { get } = Object.getOwnPropertyDescriptor(view.MediaStreamTrack.prototype, "label");
  return { view, getUserMedia, labelOf: (track) => get.call(track) };
}

const behind = reachBehind();

// Whether a track comes from the extension, and not from the microphone.
const isMarked = (track) => behind.labelOf(track) !== track.label;
