// Runs in the extension's own world, in every frame: it makes marked sound of the microphones that
// the page is given, where the page cannot reach.

import { Call } from "./call.js";
import { Link } from "./link.js";
import { Reporter } from "./reporter.js";

const api = globalThis.browser ?? chrome;
const calls = new Map();
const link = new Link(() => calls.forEach((call) => call.startSealing()));
const reporter = new Reporter(calls, link);

function listenTo(host) {
  const say = (type, id) => host.dispatchEvent(new CustomEvent(type, { detail: id }));
  const on = (type, task) => host.addEventListener(type, ({ detail }) => task(detail));
  const give = (type, id, stream) => {
    host.srcObject = stream;
    say(type, id);
    host.srcObject = null;
  };
  const openAgain = () => calls.forEach(async (call, id) => {
    const stream = await call.openAgain();
    if (!stream) return;
    give("later", id, stream);
    reporter.report();
  });
  for (const type of ["pointerup", "keyup"]) addEventListener(type, openAgain, true);
  on("mark", async (id) => {
    const [raw] = host.srcObject.getAudioTracks();
    const onSilent = () => {
      say("bypass", id);
      reporter.report();
    };
    const call = new Call({ id, raw, link, onSilent, onHeard: () => say("restore", id) });
    calls.set(id, call);
    reporter.start();
    give("answer", id, await call.open());
    reporter.report();
  });
  on("around", () => reporter.raise("around"));
  on("late", (id) => calls.get(id)?.fail("late"));
  on("mute", (id) => calls.get(id)?.mute(true));
  on("unmute", (id) => calls.get(id)?.mute(false));
  on("end", (id) => {
    reporter.drop(id);
    reporter.report();
  });
  host.dispatchEvent(new Event("connected"));
}

// Only once: code of the page could say hello, too, but only after the wrapper has.
document.addEventListener("sottovoce-hello", ({ relatedTarget }) => listenTo(relatedTarget), { once: true });
document.dispatchEvent(new Event("sottovoce-listens"));

api.runtime.onConnect.addListener((port) => {
  if (port.name === "popup") reporter.show(port);
});
