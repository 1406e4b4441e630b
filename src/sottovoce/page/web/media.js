// Decodes the sound tracks of films and of compressed sound: mediabunny takes the container apart,
// the browser's own codecs (WebCodecs) decode.  Each track becomes a file of samples, in pieces that
// the browser may keep on disk.

import {
  ADTS, AudioSampleSink, BlobSource, FLAC, Input, MATROSKA, MP3, MP4, MPEG_TS, OGG, QTFF, WAVE, WEBM,
} from "mediabunny";

import { SampleFile } from "./samples.js";

const FORMATS = [MP4, QTFF, MATROSKA, WEBM, OGG, ADTS, MPEG_TS, WAVE, FLAC, MP3];
const MOST_FAILURES = 200;
const FIRST_STEP_S = 0.05; // past a place that cannot be decoded; doubled until something can be

// Decodes one track; what cannot be decoded is passed over, and its time kept.
async function decodeTrack(track, listed, tell) {
  const sink = new AudioSampleSink(track);
  const made = new SampleFile();
  let from;
  let step = FIRST_STEP_S;
  for (let failures = 0; failures < MOST_FAILURES; failures++) {
    try {
      for await (const sample of sink.samples(from)) {
        const isTaken = made.add(sample);
        sample.close();
        if (!isTaken) return made;
        step = FIRST_STEP_S;
        tell(made.end);
      }
      return made;
    } catch {
      made.fail();
      from = Math.max(made.end, from ?? 0) + step;
      step *= 2;
      if (!made.sr || from >= listed) return made;
    }
  }
  return made;
}

async function nameCodec(track) {
  const name = (await track.getCodec()) ?? (await track.getInternalCodecId());
  return typeof name === "string" ? name : "?";
}

// Returns the tracks of sound in a file, those that can be decoded with a `blob` of their samples;
// null if its format is unknown.  `tell` hears the share of the work that is done.
export async function decodeFile(file, tell) {
  const input = new Input({ source: new BlobSource(file), formats: FORMATS });
  try {
    if (!(await input.canRead())) return null;
    const tracks = await input.getAudioTracks();
    const found = [];
    for (const [number, track] of tracks.entries()) {
      const own = { number: number + 1, codec: await nameCodec(track), blob: null };
      found.push(own);
      if (!(await track.canDecode().catch(() => false))) continue;
      own.listed = (await track.computeDuration().catch(() => 0)) || 0;
      own.promised = (await track.getDurationFromMetadata().catch(() => 0)) || own.listed;
      const made = await decodeTrack(track, own.listed, (end) => {
        tell((number + Math.min(end / (own.listed || Infinity), 1)) / tracks.length);
      });
      Object.assign(own, made.describe());
      if (own.seconds) own.blob = made.toBlob();
    }
    return found;
  } catch {
    return null; // a container too damaged to be read; its kind is told by the package
  } finally {
    input.dispose();
  }
}
