// A call that goes on: what is lost of the sound is counted, and nothing else is kept.

// Without `isMarked`, both channels are the microphone itself.
async function startSoak(isMarked) {
  const audio = UNPROCESSED;
  const raw = await behind.getUserMedia.call(navigator.mediaDevices, { audio });
  const sent = isMarked ? await navigator.mediaDevices.getUserMedia({ audio }) : raw.clone();
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
  const context = new AudioContext({ sampleRate: 48_000 });
  await context.audioWorklet.addModule("soak.js");
  const merger = context.createChannelMerger(2);
  [raw, sent].forEach((stream, i) => context.createMediaStreamSource(stream).connect(merger, 0, i));
  const node = new AudioWorkletNode(context, "soak");
  const reports = [];
  node.port.onmessage = ({ data }) => {
    const { both, ...counts } = data;
    reports.push({ ...counts, both: encode(both.flat()), ms: performance.now() });
  };
  merger.connect(node).connect(context.createMediaStreamDestination());

  async function farEnd() {
    const stats = [...(await far.getStats()).values()];
    const { totalSamplesReceived, concealedSamples, packetsLost } = stats.find(
      ({ type }) => type === "inbound-rtp");
    return { totalSamplesReceived, concealedSamples, packetsLost };
  }

  return { reports, farEnd };
}
