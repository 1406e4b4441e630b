// The page: takes files, and has something done with them.

import { Delivery } from "./delivery.js";
import { $, element } from "./elements.js";
import { Engine } from "./engine.js";
import { AskedPanel } from "./grant.js";
import { IdentityPanel } from "./identity.js";
import { guardLeaving } from "./leaving.js";
import { silence } from "./playing.js";
import { isPolicyComplete, listenToPolicy, readPolicy } from "./policy.js";
import { listen } from "./rows.js";
import { say, showTexts } from "./texts.js";
import { unpack } from "./unpack.js";

const MOST_BYTES = 1e9; // a new file and what it is made from lie in the browser's memory

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

// Why nothing can be done here, in words; empty if it can.
function findObstacle() {
  if (window.top !== window.self) return say("error.framed");
  if (typeof WebAssembly !== "object") return say("error.wasm");
  if (typeof DecompressionStream !== "function") return say("error.decompression");
  return "";
}

async function startEngine({ "worker.js": worker, ...files }) {
  return new Engine({ script: await (await unpack(worker)).text(), files }, {
    onLoading: (share) => {
      $("ready").value = share;
      $("loading").hidden = share >= 1;
      if (share >= 1) $("broken").hidden = true;
    },
    onBroken: (reason) => showBroken(say("error.start", { reason })),
  });
}

function listenToFiles(engine) {
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
      seal: identity.seal,
      own: identity.own,
    }),
  });
  const asked = new AskedPanel(engine);
  listen(engine, "check", $("unknown"), {
    ready: () => Promise.all([identity.ready, asked.ready]),
    options: (file) => ({ thorough: $("thorough").checked, ...asked.options, own: identity.own, seals: identity.seals, name: file.name }),
  });
}

async function begin() {
  showTexts();
  makeTabs();
  // A file dropped beside the field must not replace the page.
  for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => event.preventDefault());
  // The parts follow the script, so that the page can be read before they have arrived.
  if (document.readyState === "loading") await new Promise((done) => addEventListener("DOMContentLoaded", done));
  const obstacle = findObstacle();
  if (obstacle) return showBroken(obstacle);
  const { "licences.txt": licences, ...parts } = takeParts();
  const showLicences = async () => $("licence-texts").append(element("pre", await (await unpack(licences)).text()));
  $("licence-texts").addEventListener("toggle", showLicences, { once: true });
  const engine = await startEngine(parts);
  listenToPolicy();
  guardLeaving(() => engine.isBusy);
  listenToFiles(engine);
  if (document.querySelector("link[rel=manifest]")) navigator.serviceWorker?.register("service_worker.js");
  return undefined;
}

begin();
