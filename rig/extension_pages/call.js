// Both ends of a call in one page: what the far end hears is kept as float samples of 48 kHz.

const KEPT_MS = 100;
const UNPROCESSED = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

async function tap(stream) {
  const context = new AudioContext({ sampleRate: 48_000 });
  await context.audioWorklet.addModule("tap.js");
  await context.resume();
  const node = new AudioWorkletNode(context, "tap");
  const blocks = [];
  node.port.onmessage = ({ data }) => blocks.push(data);
  const silence = context.createGain();
  silence.gain.value = 0;
  context.createMediaStreamSource(stream).connect(node).connect(silence).connect(context.destination);
  return { context, blocks };
}

function encode(blocks) {
  const samples = new Float32Array(blocks.reduce((sum, one) => sum + one.length, 0));
  let at = 0;
  for (const block of blocks) {
    samples.set(block, at);
    at += block.length;
  }
  const bytes = new Uint8Array(samples.buffer);
  let text = "";
  for (let i = 0; i < bytes.length; i += 32_768) text += String.fromCharCode(...bytes.subarray(i, i + 32_768));
  return btoa(text);
}

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Firefox shows candidates of this computer only to pages that hear it.
function introduce(one, other) {
  one.onicecandidate = ({ candidate }) => candidate && other.addIceCandidate(candidate);
}

async function connect(near, far) {
  introduce(near, far);
  introduce(far, near);
  await near.setLocalDescription();
  await far.setRemoteDescription(near.localDescription);
  await far.setLocalDescription();
  await near.setRemoteDescription(far.localDescription);
  for (let i = 0; near.connectionState !== "connected"; i++) {
    if (i > 100) throw new Error(`the call is ${near.connectionState}`);
    await wait(KEPT_MS);
  }
}

// Begins a call with a stream; returns what ends it.
async function startCall(stream) {
  const near = new RTCPeerConnection();
  const far = new RTCPeerConnection();
  const remote = new Promise((resolve) => {
    far.ontrack = ({ streams }) => resolve(streams[0]);
  });
  const senders = stream.getAudioTracks().map((track) => near.addTrack(track, stream));
  await connect(near, far);
  const heard = await remote;
  // Chromium gives the far end's sound to nobody unless an element plays it.
  const element = new Audio();
  element.srcObject = heard;
  element.muted = true;
  element.play();
  const { context, blocks } = await tap(heard);
  const stop = () => {
    near.close();
    far.close();
    context.close();
    return encode(blocks);
  };
  return { near, far, senders, blocks, stop };
}

// What the far end hears of a microphone in so many seconds.
async function callFor(seconds, audio = UNPROCESSED) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio });
  const call = await startCall(stream);
  await wait(1_000 * seconds);
  const samples = call.stop();
  stream.getTracks().forEach((track) => track.stop());
  return samples;
}

// What a page itself hears in so many seconds.
async function hear(stream, seconds) {
  const { context, blocks } = await tap(stream);
  await wait(1_000 * seconds);
  context.close();
  return encode(blocks);
}
