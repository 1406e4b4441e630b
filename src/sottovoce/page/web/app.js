// The page: takes files, shows what becomes of them.

import { makeBlindTest } from "./blind.js";
import { makeComparison } from "./compare.js";
import { element } from "./elements.js";
import { Engine } from "./engine.js";
import { guardLeaving, keepUntilSaved } from "./leaving.js";
import { makePictures } from "./pictures.js";
import { silence } from "./playing.js";
import { language, say, sayCertainty, sayPolicy, showTexts } from "./texts.js";
import { makeTimeline } from "./timeline.js";
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
  if (answer.found) return say("verdict.found", { certainty: sayCertainty(answer.log10_p) });
  if (answer.verdict === "suspected") return say("verdict.suspected");
  if (!answer.has_sound) return say("verdict.soundless");
  return say(answer.duration_s < ENOUGH_S ? "verdict.short" : "verdict.none", length);
}

function describeVoice({ notice }, owner) {
  if (!notice) return say("owner.unreadable");
  const whose = owner ? say("owner.known", { owner }) : say("owner.anonymous");
  return say("voice.says", { whose, refuses: sayPolicy(notice.policy), year: notice.year });
}

function describeFailure(failed, answer) {
  if (failed) return say("error.crashed");
  if (["changed", "format"].includes(answer.error)) return say(`error.${answer.error}`);
  return answer.error.replace(/^sound(\.\w+)?: /, "");
}

function showResult(engine, row, job, file, options, { answer, made, failed }) {
  if (failed || answer.error) {
    row.append(element("p", describeFailure(failed, answer), "bad"));
    if (!failed && answer.remedy) row.append(element("p", answer.remedy));
    return;
  }
  const isGood = answer.marked_s > 0 || answer.found;
  row.append(element("p", job === "protect" ? describeProtected(answer) : describeChecked(answer), isGood ? "good" : ""));
  for (const warning of answer.warnings ?? []) row.append(element("p", warning, "hint"));
  if (answer.voices?.length) {
    const words = answer.voices.map((voice, number) => describeVoice(voice, answer.owners[number]));
    row.append(makeTimeline(file, answer, words));
  }
  if (made) {
    const link = element("a", say("save", { name: protectedName(file.name) }), "save");
    link.href = URL.createObjectURL(made);
    link.download = protectedName(file.name);
    const hint = element("p", say("unsaved"), "hint");
    const forget = keepUntilSaved(made);
    link.addEventListener("click", () => {
      forget();
      hint.remove();
    });
    row.append(link, hint);
    const comparison = makeComparison(file, made, `${nextComparison++}`);
    if (comparison) row.append(comparison);
    row.append(makeBlindTest(engine, file, made, options.strength), makePictures(engine, file, made));
  }
  if (job === "check") {
    const details = element("details");
    const text = element("pre", JSON.stringify(answer, null, 1));
    text.tabIndex = 0; // so that the keyboard can scroll it
    details.append(element("summary", say("copy")), text);
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
    showResult(engine, row, job, file, options, news);
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
    silence(); // whose controls may be hidden now
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
  // The parts follow the script, so that the page can be read before they have arrived.
  if (document.readyState === "loading") await new Promise((done) => addEventListener("DOMContentLoaded", done));
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
  guardLeaving(() => engine.isBusy);
  listen(engine, "protect", $("takes"), () => ({
    policy: document.querySelector("[name=policy]:checked").value,
    strength: document.querySelector("[name=strength]:checked").value,
  }));
  listen(engine, "check", $("unknown"), () => ({ thorough: $("thorough").checked }));
  if (document.querySelector("link[rel=manifest]")) navigator.serviceWorker?.register("service_worker.js");
  return undefined;
}

begin();
