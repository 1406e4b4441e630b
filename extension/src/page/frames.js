// Windows that a page opens and reaches into before scripts of extensions run there, or where none
// ever run: frames of `javascript:` addresses, and every frame until its document has come.

import { apply, call, each, getterOf, replaceAccess, replaceValue } from "./originals.js";
import { wrapElements } from "./elements.js";
import { wrapMicrophones } from "./microphones.js";
import { wrapSenders } from "./senders.js";
import { named, wrapTracks } from "./tracks.js";

const { toString } = Function.prototype;
const { includes } = String.prototype;
const { observe } = MutationObserver.prototype;
const { open } = window;
const countFrames = getterOf(window, "length");
const ELEMENTS = ["HTMLIFrameElement", "HTMLFrameElement", "HTMLObjectElement"];
const WAYS = ELEMENTS.flatMap((type) => ["contentWindow", "contentDocument"].map((name) => ({
  type,
  name,
  original: getterOf(window[type].prototype, name),
})));
const getView = getterOf(Document.prototype, "defaultView");

/** Return whether a window gives its microphone as the browser does, without any wrapper. */
export function isUnwrapped(view) {
  const method = view.MediaDevices?.prototype.getUserMedia;
  return typeof method === "function" && call(includes, call(toString, method), "[native code]");
}

/** Wrap what a window of the page has, if nothing has done so. */
export function protect(view) {
  try {
    if (!isUnwrapped(view)) return;
  } catch {
    return; // of another origin, where the page cannot reach in either
  }
  wrapMicrophones(view);
  wrapElements(view);
  wrapTracks(view);
  wrapSenders(view);
  wrapWays(view);
}

function wrapWays(view) {
  each(WAYS, ({ type, name, original }) => {
    const access = {
      __proto__: null,
      get() {
        const found = call(original, this);
        const inside = found && name === "contentDocument" ? call(getView, found) : found;
        if (inside) protect(inside);
        return found;
      },
    };
    replaceAccess(view[type].prototype, name, access);
  });
  const openWrapped = function () {
    const opened = apply(open, this, arguments);
    if (opened) protect(opened);
    return opened;
  };
  replaceValue(view, "open", named(openWrapped, "open"));
}

/** Look after frames that are reached by their number, as soon as the code that added them ends. */
export function watchFrames() {
  let last = 0;
  const observer = new MutationObserver(() => {
    const n = call(countFrames, window);
    if (n === last) return;
    last = n;
    for (let i = 0; i < n; i++) protect(window[i]);
  });
  call(observe, observer, document, { childList: true, subtree: true });
}
