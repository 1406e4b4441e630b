// Asks for a microphone in a frame of a kind, at once and when its document has come; says of each
// time whether the sound is marked, what the microphone is called, and whether it still is there.

const FRAMES = {
  blank() {},
  written() {},
  srcdoc(frame) {
    frame.srcdoc = "<p>x";
  },
  blob(frame) {
    frame.src = URL.createObjectURL(new Blob(["<p>x"], { type: "text/html" }));
  },
  same(frame) {
    frame.src = "empty.html";
  },
  script(frame) {
    frame.src = "javascript:1";
  },
};

async function askInFrame(kind) {
  const frame = document.createElement("iframe");
  FRAMES[kind](frame);
  document.documentElement.append(frame);
  if (kind === "written") {
    frame.contentDocument.open();
    frame.contentDocument.write("<p>x");
    frame.contentDocument.close();
  }
  const ask = async () => {
    const stream = await frame.contentWindow.navigator.mediaDevices.getUserMedia({ audio: true });
    const [track] = stream.getAudioTracks();
    const found = [isMarked(track), track.label, track.readyState];
    track.stop();
    return found;
  };
  const early = await Promise.race([ask().catch(({ name }) => [name]), wait(2_000)]);
  await wait(500);
  return [early ?? ["never"], await ask()];
}
