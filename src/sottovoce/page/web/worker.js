// Runs the package in Python for WebAssembly.  Files are read in pieces: a long one never lies in
// memory as a whole.

import { makeChunkedFiles, takeBlob } from "./chunked_files.js";
import { noble } from "./keys.js";
import { openLibraries } from "./libraries.js";
import { decodeFile } from "./media.js";
import { unpack } from "./unpack.js";

const PARTS = "parts:/"; // no scheme that any browser could fetch
const SHARES = { "pyodide.asm.wasm": 0.5, "numpy.whl": 0.2, "python_stdlib.zip": 0.15 };
const DECODING_SHARE = 0.5;

let python;
let bridge;
let proof;
let nextFolder = 1;

function runScript(data) {
  const url = URL.createObjectURL(new Blob([data], { type: "text/javascript" }));
  importScripts(url);
  URL.revokeObjectURL(url);
}

async function start(parts) {
  const files = {};
  let share = 0;
  for (const [name, text] of Object.entries(parts)) {
    files[name] = new Uint8Array(await (await unpack(text)).arrayBuffer());
    share += SHARES[name] ?? 0.02;
    postMessage({ kind: "loading", share: Math.min(share * 0.4, 0.4) });
  }
  const types = { wasm: "application/wasm", json: "application/json" };
  self.fetch = async (address) => {
    const name = String(address).split("/").pop();
    if (!(name in files)) throw new TypeError(`${name} is not part of this page`);
    const type = types[name.split(".").pop()] ?? "application/octet-stream";
    return new Response(files[name], { headers: { "content-type": type } });
  };
  runScript(files["pyodide.asm.js"]);
  runScript(files["pyodide.js"]);
  python = await loadPyodide({ indexURL: PARTS });
  postMessage({ kind: "loading", share: 0.7 });
  const place = "/lib/python3.12/site-packages";
  python.registerJsModule("noble", noble);
  for (const [name, library] of Object.entries(openLibraries((part) => files[part]))) {
    python.registerJsModule(name, library);
  }
  python.unpackArchive(files["numpy.whl"], "wheel");
  python.unpackArchive(files["package.zip"], "zip", { extractDir: place });
  postMessage({ kind: "loading", share: 0.8 });
  python.pyimport("sottovoce.page.stand_ins").install();
  bridge = python.pyimport("sottovoce.page.bridge");
  proof = python.pyimport("sottovoce.page.proof");
  python.pyimport("sottovoce.files.protecting");
  python.pyimport("sottovoce.files.checking");
  postMessage({ kind: "ready" });
}

// The suffix is all that a name may say: everything else in it is a stranger's text.
function ownName(name) {
  const suffix = /\.[a-z0-9]{1,8}$/i.exec(name);
  return `sound${suffix ? suffix[0].toLowerCase() : ""}`;
}

// A file that was changed after it was chosen cannot be read any more, and would end Python if that
// came out within.
function isReadable(file) {
  try {
    const reader = new FileReaderSync();
    for (const at of [0, Math.max(file.size - 1, 0)]) reader.readAsArrayBuffer(file.slice(at, at + 1));
    return true;
  } catch {
    return false;
  }
}

function mount(folder, files) {
  python.FS.mkdirTree(folder);
  python.FS.mount(makeChunkedFiles(python.FS), { files }, folder);
}

// What Python cannot decode, the browser may.
async function check(file, source, folder, options, tell) {
  const ask = (words, say) => JSON.parse(bridge.check(source, JSON.stringify(words), say));
  const answer = ask(options, tell);
  if (answer.error !== "format") return answer;
  const found = await decodeFile(file, (share) => tell(DECODING_SHARE * share));
  const decoded = (found ?? []).filter(({ blob }) => blob);
  const undecoded = (found ?? []).filter(({ blob }) => !blob).map(({ number, codec }) => ({ number, codec }));
  mount(folder, Object.fromEntries(decoded.map(({ number, blob }) => [`${number}.wav`, blob])));
  try {
    const tracks = decoded.map(({ blob, ...track }) => ({ ...track, path: `${folder}/${track.number}.wav` }));
    const words = { ...options, tracks: found && tracks };
    const own = ask(words, (share) => tell(DECODING_SHARE + (1 - DECODING_SHARE) * share));
    const isUndecoded = !decoded.length && undecoded.length;
    if (isUndecoded && (!own.error || own.error === "format")) return { error: "codec", remedy: "", undecoded };
    return { ...own, undecoded };
  } finally {
    python.FS.unmount(folder);
  }
}

async function run({ id, job, file, marked, options }) {
  if (!isReadable(file)) {
    postMessage({ kind: "done", id, answer: { error: "changed", remedy: "" }, made: null });
    return;
  }
  const folder = `/jobs/${nextFolder++}`;
  const name = ownName(file.name);
  mount(`${folder}/in`, { [name]: file, ...(marked && { [`marked-${name}`]: marked }) });
  mount(`${folder}/out`, {});
  const source = `${folder}/in/${name}`;
  const total = marked ? 0 : bridge.length_s(source);
  let told = 0;
  const tell = (share) => {
    const now = performance.now();
    if (now - told < 100) return;
    told = now;
    postMessage({ kind: "progress", id, share, total });
  };
  try {
    const target = `${folder}/out/${name}`;
    const twin = `${folder}/in/marked-${name}`;
    const words = JSON.stringify(options);
    const jobs = {
      protect: () => JSON.parse(bridge.protect(source, target, words, tell)),
      check: () => check(file, source, `${folder}/tracks`, options, tell),
      draw: () => JSON.parse(proof.draw(source, twin, target, tell)),
      excerpt: () => JSON.parse(proof.excerpt(source, twin, target, words, tell)),
    };
    let answer = await jobs[job]();
    // Whatever went wrong: a file that was changed meanwhile is the reason.
    if (answer.error && !isReadable(file)) answer = { error: "changed", remedy: "" };
    const isWanted = answer.status === "marked" || (marked && !answer.error);
    const made = isWanted ? takeBlob(python.FS, target) : null;
    postMessage({ kind: "done", id, answer, made });
  } finally {
    for (const each of ["in", "out"]) python.FS.unmount(`${folder}/${each}`);
  }
}

// What needs no file.
function answer({ id, job, options }) {
  postMessage({ kind: "done", id, answer: JSON.parse(bridge[job](JSON.stringify(options))), made: null });
}

self.onmessage = async ({ data }) => {
  try {
    if (data.kind === "start") await start(data.parts);
    else if (data.file) await run(data);
    else answer(data);
  } catch (error) {
    const reason = String(error?.message ?? error).trim().split("\n").pop();
    postMessage({ kind: "failed", id: data.id, reason });
  }
};
