// The page: takes files, shows what becomes of them.

import { makeComparison } from "./compare.js";
import { Delivery } from "./delivery.js";
import { makeDetails } from "./details.js";
import { element, offerFile } from "./elements.js";
import { Engine } from "./engine.js";
import { IdentityPanel } from "./identity.js";
import { isPolicyComplete, listenToPolicy, readPolicy } from "./policy.js";
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

function describeProtected(answer) {
  if (answer.status !== "marked") return say(`verdict.${answer.status}`);
  if (!answer.marked_s) return say("verdict.unproved");
  return say("verdict.marked", { seconds: seconds.format(answer.marked_s), refuses: sayPolicy(answer.notice.policy) });
}

function describeChecked(answer) {
  const length = { seconds: seconds.format(answer.duration_s) };
  if (answer.found) return say("verdict.found", { exponent: Math.floor(-answer.log10_p) });
  if (answer.verdict === "suspected") return say("verdict.suspected");
  if (!answer.has_sound) return say("verdict.soundless");
  return say(answer.duration_s < ENOUGH_S ? "verdict.short" : "verdict.none", length);
}

function describeOwner({ notice, yours }) {
  if (!notice.owner_id) return say("owner.anonymous");
  if (yours) return say("owner.yours", { name: yours, owner: notice.owner });
  return say("owner.known", { owner: notice.owner });
}

function describeVoice(voice) {
  if (!voice.notice) return say("owner.unreadable");
  return `${describeOwner(voice)}: ${sayPolicy(voice.notice.policy)}`;
}

function describeFailure(failed, answer) {
  if (failed) return say("error.crashed");
  if (["changed", "format"].includes(answer.error)) return say(`error.${answer.error}`);
  return answer.error.replace(/^sound(\.\w+)?: /, "");
}

function showResult(row, job, file, { answer, made, failed }, delivery) {
  const problem = failed || answer.error ? describeFailure(failed, answer) : "";
  const delivered = delivery?.add(file.name, { answer, made, problem });
  if (problem) {
    row.append(element("p", problem, "bad"));
    if (!failed && answer.remedy) row.append(element("p", answer.remedy));
    return;
  }
  const isGood = answer.marked_s > 0 || answer.found;
  row.append(element("p", job === "protect" ? describeProtected(answer) : describeChecked(answer), isGood ? "good" : ""));
  for (const warning of answer.warnings ?? []) row.append(element("p", warning, "hint"));
  for (const voice of answer.voices ?? []) row.append(element("p", describeVoice(voice)));
  if (made) {
    row.append(offerFile(made, delivered.savedAs), delivery.makeReceiptButton(delivered));
    const comparison = makeComparison(file, made, `${nextComparison++}`);
    if (comparison) row.append(comparison);
  }
  if (job === "check") row.append(makeDetails(answer.json));
}

function addFile(engine, job, file, { ready, options, delivery }) {
  const row = element("li");
  const state = element("p", say("waiting"));
  const bar = document.createElement("progress");
  bar.setAttribute("aria-label", file.name);
  const cancel = element("button", say("cancel"));
  row.append(element("h2", file.name), state, bar, cancel);
  $(job === "protect" ? "protected" : "checked").append(row);
  let id = 0;
  const hear = (news) => {
    if (news.share !== undefined) {
      bar.value = news.share;
      state.textContent = say("working", { percent: Math.floor(100 * news.share) });
      return;
    }
    for (const one of [state, bar, cancel]) one.remove();
    showResult(row, job, file, news, delivery);
  };
  ready().then(() => {
    if (row.isConnected) id = engine.add(job, file, options(file), hear);
  });
  cancel.onclick = () => {
    engine.cancel(id);
    row.remove();
  };
}

function listen(engine, job, input, wanted) {
  const drop = input.closest(".drop");
  const take = (files) => {
    if (wanted.isComplete?.() ?? true) for (const file of files) addFile(engine, job, file, wanted);
  };
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
  const { "worker.js": worker, "licences.txt": licences, ...files } = takeParts();
  const showLicences = async () => $("licence-texts").append(element("pre", await (await unpack(licences)).text()));
  $("licence-texts").addEventListener("toggle", showLicences, { once: true });
  const engine = new Engine({ script: await (await unpack(worker)).text(), files }, {
    onLoading: (share) => {
      $("ready").value = share;
      $("loading").hidden = share >= 1;
      if (share >= 1) $("broken").hidden = true;
    },
    onBroken: (reason) => showBroken(say("error.start", { reason })),
  });
  listenToPolicy();
  const identity = new IdentityPanel(engine);
  const ready = () => identity.ready;
  listen(engine, "protect", $("takes"), {
    ready,
    delivery: new Delivery(engine),
    isComplete: isPolicyComplete,
    options: () => ({
      policy: readPolicy(),
      strength: $("strength").value,
      owner_id: identity.ownerId,
    }),
  });
  listen(engine, "check", $("unknown"), {
    ready,
    options: (file) => ({ thorough: $("thorough").checked, own: identity.own, name: file.name }),
  });
  if (document.querySelector("link[rel=manifest]")) navigator.serviceWorker?.register("service_worker.js");
  return undefined;
}

begin();
