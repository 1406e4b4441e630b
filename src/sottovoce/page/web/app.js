// The page: takes files, and has something done with them.

import { Delivery } from "./delivery.js";
import { $, element, makeButton } from "./elements.js";
import { Engine } from "./engine.js";
import { IdentityPanel } from "./identity.js";
import { guardLeaving } from "./leaving.js";
import { sayPlace } from "./places.js";
import { silence } from "./playing.js";
import { isPolicyComplete, listenToPolicy, readPolicy } from "./policy.js";
import { showResult } from "./results.js";
import { language, say, showTexts } from "./texts.js";
import { unpack } from "./unpack.js";

const MOST_BYTES = 1e9; // a new file and what it is made from lie in the browser's memory
const gigabytes = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });

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

// Of a file whose length is known before it is decoded, in its own time.
function sayProgress({ share, total }) {
  if (!total) return say("working", { percent: Math.floor(100 * share) });
  return sayPlace(share * total, total);
}

function addRow(job, name) {
  const row = element("li");
  row.append(element("h2", name));
  $(job === "protect" ? "protected" : "checked").append(row);
  return row;
}

function addFile(engine, job, file, { ready, options, delivery, mostBytes = Infinity }) {
  const row = addRow(job, file.name);
  const heading = row.firstChild;
  if (file.size > mostBytes) {
    const size = { size: gigabytes.format(file.size / 1e9), most: gigabytes.format(mostBytes / 1e9) };
    const problem = say("error.large", size);
    delivery.add(file.name, { problem });
    row.append(element("p", problem, "bad"));
    return;
  }
  let id = 0;
  const cancel = makeButton(say("cancel"), () => {
    engine.cancel(id);
    row.remove();
  });
  const start = async (more) => {
    const state = element("p", say("waiting"));
    const bar = document.createElement("progress");
    bar.setAttribute("aria-label", file.name);
    row.replaceChildren(heading, state, bar, cancel);
    await ready();
    if (!row.isConnected) return;
    const wanted = { ...options(file), ...more };
    id = engine.add(job, file, wanted, (news) => {
      if (news.share !== undefined) {
        bar.value = news.share;
        state.textContent = sayProgress(news);
        return;
      }
      row.replaceChildren(heading);
      showResult(row, job, file, wanted, news, { engine, delivery, again });
    });
  };
  const again = (more) => {
    start(more);
    cancel.focus(); // whatever had it is gone
  };
  start({});
}

// A browser gives a folder as a file that cannot be read.
function findFolders({ items }) {
  const entries = [...items].filter((one) => one.kind === "file").map((one) => one.webkitGetAsEntry());
  return new Set([...entries.keys()].filter((number) => entries[number]?.isDirectory));
}

function refuseFolder(job, { name }) {
  addRow(job, name).append(element("p", say("error.folder"), "bad"));
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
    const folders = findFolders(event.dataTransfer);
    const files = [...event.dataTransfer.files];
    for (const number of folders) refuseFolder(job, files[number]);
    take(files.filter((_, number) => !folders.has(number)));
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
  if (window.top !== window.self) return showBroken(say("error.framed"));
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
  guardLeaving(() => engine.isBusy);
  const identity = new IdentityPanel(engine);
  const ready = () => identity.ready;
  listen(engine, "protect", $("takes"), {
    ready,
    delivery: new Delivery(engine),
    mostBytes: MOST_BYTES,
    isComplete: isPolicyComplete,
    options: () => ({
      policy: readPolicy(),
      strength: document.querySelector("[name=strength]:checked").value,
      owner_id: identity.ownerId,
      own: identity.own,
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
