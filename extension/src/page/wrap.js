// Runs in the page's own world, in every frame, before the page's code does.

import { connect, on } from "./channel.js";
import { isUnwrapped, protect, watchFrames } from "./frames.js";
import { bypass, restore } from "./senders.js";

// A frame that the page reached into is wrapped already, by the window that it lies in.
if (isUnwrapped(window)) {
  connect();
  on("bypass", bypass);
  on("restore", restore);
  protect(window);
  watchFrames();
}
