// The page: takes files, shows what becomes of them.

import { makeComparison } from "./compare.js";
import { Engine } from "./engine.js";
import { language, say, sayPolicy, showTexts } from "./texts.js";
import { unpack } from "./unpack.js";

const ENOUGH_S = 5;
let nextComparison = 1;
const $ = (id) => document.getElementById(id);
const seconds = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });

function takeParts() {
  const files = {};
  for (const one of document.querySelectorAll("script[data-part]")) {
    files[one.dataset.part] = one.textContent;
    one.remove(); // the text is held once
  }
  return files;
}

function showBroken(text) {
  $("loading").hidden = true;
  $("broken").textContent = text;
  $("broken").hidden = false;
}

function element(name, text = "", classes = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = classes;
  return made;
}

function protectedName(name) {
  const dot = name.lastIndexOf(".");
  return dot > 0 ? `${name.slice(0, dot)}.protected${name.slice(dot)}` : `${name}.protected`;
}

function describeProtected(answer) {
  if (answer.status !== "marked") return say(`verdict.${answer.status}`);
  if (!answer.marked_s) return say("verdict.unproved");
  return say("verdict.marked", { seconds: seconds.format(answer.marked_s), refuses: sayPolicy(answer.policy) });
}

function describeChecked(answer) {
  const length = { seconds: seconds.format(answer.duration_s) };
  if (answer.found) return say("verdict.found", { exponent: Math.floor(-answer.log10_p) });
  if (answer.verdict === "suspected") return say("verdict.suspected");
  if (!answer.has_sound) return say("verdict.soundless");
  return say(answer.duration_s < ENOUGH_S ? "verdict.short" : "verdict.none", length);
}

function describeVoice({ notice }, owner) {
  if (!notice) return say("owner.unreadable");
  const whose = owner ? say("owner.known", { owner }) : say("owner.anonymous");
  return `${whose}: ${sayPolicy(notice.policy)}`;
}

function listCodecs(tracks) {
  return [...new Set(tracks.map(({ codec }) => codec))].join(", ");
}

function describeFailure(failed, answer) {
  if (failed) return say("error.crashed");
  if (["changed", "format"].includes(answer.error)) return say(`error.${answer.error}`);
  if (answer.error === "codec") return say("error.codec", { codecs: listCodecs(answer.undecoded) });
  if (answer.error === "soundless") return say("verdict.soundless");
  return answer.error.replace(/^sound(\.\w+)?: /, "");
}

function showResult(row, job, file, { answer, made, failed }) {
  if (failed || answer.error) {
    row.append(element("p", describeFailure(failed, answer), "bad"));
    if (!failed && answer.remedy) row.append(element("p", answer.remedy));
    return;
  }
  const isGood = answer.marked_s > 0 || answer.found;
  row.append(element("p", job === "protect" ? describeProtected(answer) : describeChecked(answer), isGood ? "good" : ""));
  if (answer.encoded_kbps) {
    row.append(element("p", say("encoded", { kbps: answer.encoded_kbps }), "hint"));
  }
  for (const { number, codec } of answer.undecoded ?? []) {
    row.append(element("p", say("check.undecoded", { number, codec }), "bad"));
  }
  for (const warning of answer.warnings ?? []) row.append(element("p", warning, "hint"));
  for (const [number, voice] of (answer.voices ?? []).entries()) {
    row.append(element("p", describeVoice(voice, answer.owners[number])));
  }
  if (made) {
    const link = element("a", say("save", { name: protectedName(file.name) }), "save");
    link.href = URL.createObjectURL(made);
    link.download = protectedName(file.name);
    row.append(link);
    const comparison = makeComparison(file, made, `${nextComparison++}`);
    if (comparison) row.append(comparison);
  }
  if (job === "check") {
    const details = element("details");
    details.append(element("summary", say("copy")), element("pre", JSON.stringify(answer, null, 1)));
    row.append(details);
  }
}

function addFile(engine, job, file, options) {
  const row = element("li");
  const state = element("p", say("waiting"));
  const bar = document.createElement("progress");
  bar.setAttribute("aria-label", file.name);
  const cancel = element("button", say("cancel"));
  row.append(element("h2", file.name), state, bar, cancel);
  $(job === "protect" ? "protected" : "checked").append(row);
  const id = engine.add(job, file, options, (news) => {
    if (news.share !== undefined) {
      bar.value = news.share;
      state.textContent = say("working", { percent: Math.floor(100 * news.share) });
      return;
    }
    for (const one of [state, bar, cancel]) one.remove();
    showResult(row, job, file, news);
  });
  cancel.onclick = () => {
    engine.cancel(id);
    row.remove();
  };
}

function listen(engine, job, input, options) {
  const drop = input.closest(".drop");
  const take = (files) => [...files].forEach((file) => addFile(engine, job, file, options()));
  input.onchange = () => {
    take(input.files);
    input.value = "";
  };
  drop.ondragover = (event) => {
    event.preventDefault();
    drop.classList.add("over");
  };
  drop.ondragleave = () => drop.classList.remove("over");
  drop.ondrop = (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take(event.dataTransfer.files);
  };
}

function makeTabs() {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const open = (chosen) => {
    for (const tab of tabs) {
      tab.setAttribute("aria-selected", String(tab === chosen));
      tab.tabIndex = tab === chosen ? 0 : -1;
      $(tab.getAttribute("aria-controls")).hidden = tab !== chosen;
    }
  };
  for (const [number, tab] of tabs.entries()) {
    tab.onclick = () => open(tab);
    tab.onkeydown = (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = tabs[(number + step + tabs.length) % tabs.length];
      open(next);
      next.focus();
    };
  }
}

async function begin() {
  showTexts();
  makeTabs();
  // A file dropped beside the field must not replace the page.
  for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => event.preventDefault());
  if (typeof WebAssembly !== "object") return showBroken(say("error.wasm"));
  if (typeof DecompressionStream !== "function") return showBroken(say("error.decompression"));
  const { "worker.js": worker, ...files } = takeParts();
  const engine = new Engine({ script: await (await unpack(worker)).text(), files }, {
    onLoading: (share) => {
      $("ready").value = share;
      $("loading").hidden = share >= 1;
      if (share >= 1) $("broken").hidden = true;
    },
    onBroken: (reason) => showBroken(say("error.start", { reason })),
  });
  listen(engine, "protect", $("takes"), () => ({
    policy: document.querySelector("[name=policy]:checked").value,
    strength: $("strength").value,
  }));
  listen(engine, "check", $("unknown"), () => ({ thorough: $("thorough").checked }));
  if (document.querySelector("link[rel=manifest]")) navigator.serviceWorker?.register("service_worker.js");
  return undefined;
}

begin();
