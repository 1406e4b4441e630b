// A call that goes on, of which nothing is kept: with the marked microphone, or with the browser's own.
async function startSoak(isMarked) {
  const audio = UNPROCESSED;
  const { getUserMedia } = isMarked ? navigator.mediaDevices : behind;
  const sent = await getUserMedia.call(navigator.mediaDevices, { audio });
  const near = new RTCPeerConnection();
  const far = new RTCPeerConnection();
  const remote = new Promise((resolve) => {
    far.ontrack = ({ streams }) => resolve(streams[0]);
  });
  near.addTrack(sent.getTracks()[0], sent);
  await connect(near, far);
  const element = new Audio();
  element.srcObject = await remote;
  element.muted = true;
  element.play();

  async function farEnd() {
    const stats = [...(await far.getStats()).values()];
    const { totalSamplesReceived, concealedSamples } = stats.find(({ type }) => type === "inbound-rtp");
    return { totalSamplesReceived, concealedSamples };
  }

  return { farEnd, track: sent.getTracks()[0] };
}

// Compares a microphone with its marked sound, in the world that has both: `takeReports` says what
// was lost so far, and gives half a second of both every ten.
async function compare(raw, marked, address) {
  const context = new AudioContext({ sampleRate: 48_000 });
  await context.audioWorklet.addModule(address);
  const merger = context.createChannelMerger(2);
  [raw, marked].forEach((track, i) => {
    context.createMediaStreamSource(new MediaStream([track])).connect(merger, 0, i);
  });
  const node = new AudioWorkletNode(context, "soak");
  const reports = [];
  node.port.onmessage = ({ data }) => reports.push(data);
  merger.connect(node).connect(context.createMediaStreamDestination());
  globalThis.takeReports = () => JSON.stringify(reports.splice(0));
}
