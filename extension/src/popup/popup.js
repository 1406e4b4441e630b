// Whether this tab's microphone goes out marked, as it is now, and whether this site is switched on.

import { readChoices, readSettings, writeSettings } from "../shared/settings.js";
import { isOn, nameOf, patternOf, permit } from "../shared/sites.js";
import { worst } from "../shared/states.js";
import { $, say, showTexts } from "../shared/texts.js";

const api = globalThis.browser ?? chrome;
const SIGNS = { marked: "✓", ready: "…", muted: "–", unheard: "!", unmarked: "!", older: "↻", off: "○", idle: "○" };
const LEVEL_MS = 500;
const states = new Map(); // of the frames of the tab
let levelMs = -LEVEL_MS;
let choices = ""; // what the next microphone is marked with
let pageWord = ""; // what there is to say about a page that has no script of ours

function setText(id, text) {
  // A screen reader says what is set, even if it is the same.
  if ($(id).textContent !== text) $(id).textContent = text;
}

function show() {
  const state = worst(pageWord ? [{ word: pageWord, reason: "" }] : [...states.values()]);
  document.body.dataset.word = state.word;
  setText("sign", SIGNS[state.word]);
  setText("word", say(`state.${state.word}`));
  setText("why", state.reason ? say(`why.${state.reason}`) : "");
  setText("how", pageWord === "off" ? say("off.how") : "");
  const isChanged = [...states.values()].some((one) => one.choices && one.choices !== choices);
  setText("changed", isChanged ? say("changed") : "");
  $("live").hidden = !["marked", "ready", "unheard", "unmarked"].includes(state.word);
  if ($("live").hidden || performance.now() - levelMs < LEVEL_MS) return;
  levelMs = performance.now();
  $("level").value = state.level;
  setText("level-db", `${Math.round(state.level)} dBFS`.replace("-", "\u2212"));
  setText("delay", say("delay", { ms: Math.round(state.delay) }));
  setText("found", state.ago === null ? say("found.never") : say("found.ago", { seconds: Math.round(state.ago) }));
}

function listenTo(tab, wordWithout) {
  const port = api.tabs.connect(tab, { name: "popup" });
  port.onMessage.addListener((state) => {
    states.set(state.frame, state);
    show();
  });
  port.onDisconnect.addListener(() => {
    void api.runtime.lastError; // no script of ours is there
    states.clear();
    pageWord = wordWithout;
    $("reload").hidden = pageWord !== "older";
    show();
  });
}

async function showSite(pattern) {
  const { off } = await readSettings();
  const isThere = await isOn(pattern, off);
  $("site").checked = isThere;
  $("site").disabled = pattern === "";
  setText("site-name", pattern ? say("site.mark", { site: nameOf(pattern) }) : say("site.none"));
  return isThere;
}

async function takeSite(tab, pattern) {
  const wanted = $("site").checked;
  const granted = await permit([pattern], wanted);
  const { off } = await readSettings();
  const others = off.filter((one) => one !== pattern);
  const isExcepted = !wanted && await isOn(pattern, others);
  if (granted) await writeSettings({ off: isExcepted ? [...others, pattern] : others });
  await showSite(pattern);
  setText("site-news", granted ? say("sites.reload") : say("sites.refused"));
  $("reload").hidden = !granted;
}

async function start() {
  showTexts();
  show();
  const [tab] = await api.tabs.query({ active: true, currentWindow: true });
  const { page } = await readSettings();
  $("check").hidden = !page;
  $("check-hint").hidden = page !== "";
  if (page) $("check").href = page;
  const pattern = tab?.url ? patternOf(tab.url) : "";
  const isThere = await showSite(pattern);
  choices = await readChoices();
  api.storage.onChanged.addListener(async () => {
    choices = await readChoices();
    show();
  });
  $("try").hidden = pattern === "";
  // A page that can have no microphone is as it should be.
  const switched = isThere ? "older" : "off";
  if (tab) listenTo(tab.id, pattern ? switched : "");
  $("site").onchange = () => takeSite(tab, pattern);
  $("reload").onclick = async () => {
    await api.tabs.reload(tab.id);
    close();
  };
  $("options").onclick = () => api.runtime.openOptionsPage();
}

start();
