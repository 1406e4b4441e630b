// What is marked where, and in whose name; every change counts at once, for the next microphone.

import { EVERYWHERE, isOnEverywhere, listSingle, nameOf, permit } from "../shared/sites.js";
import { POLICIES, forgetOwner, readOwner, readSettings, writeOwner, writeSettings } from "../shared/settings.js";
import { $, say, showTexts } from "../shared/texts.js";
import { readIdentity } from "./identity_file.js";

const MOST_BYTES = 65_536;
const LICENCE = 128; // which refuses nothing
const all = (selector) => [...document.querySelectorAll(selector)];

const tellSaved = () => {
  $("saved").textContent = say("saved");
};

function showPolicy(policy) {
  const [preset] = Object.entries(POLICIES).find(([, bits]) => bits === policy) ?? ["own"];
  document.querySelector(`[name=policy][value=${preset}]`).checked = true;
  for (const box of all("[name=use]")) box.checked = (policy & Number(box.value)) !== 0;
  $("uses").hidden = preset !== "own";
}

async function takePolicy() {
  const { value } = document.querySelector("[name=policy]:checked");
  $("uses").hidden = value !== "own";
  const uses = all("[name=use]:checked").reduce((sum, box) => sum | Number(box.value), 0);
  const policy = POLICIES[value] ?? uses;
  // A mark that refuses nothing is a mistake.
  const isComplete = (policy & ~LICENCE) !== 0;
  $("policy-problem").textContent = isComplete ? "" : say("policy.none");
  if (!isComplete) return;
  await writeSettings({ policy });
  tellSaved();
}

async function takeStrength() {
  await writeSettings({ strength: document.querySelector("[name=strength]:checked").value });
  tellSaved();
}

async function showOwner() {
  const { owner, isKept } = await readOwner();
  const grouped = owner?.id.replace(/(....)(?=.)/g, "$1-");
  const words = owner?.seal ? "owner.sealed" : "owner.own";
  $("owner-known").textContent = owner ? say(words, { name: owner.name, owner: grouped }) : say("owner.nobody");
  $("identity-forget").hidden = !owner;
  if (owner) $("identity-keep").checked = isKept;
}

async function openIdentity([file]) {
  $("identity-problem").textContent = "";
  $("identity-news").textContent = say("identity.opening");
  try {
    if (file.size > MOST_BYTES) throw new RangeError("too large");
    const identity = await readIdentity(await file.text());
    const name = file.name.replace(/\.json$/, "");
    await writeOwner({ name, ...identity }, $("identity-keep").checked);
    await showOwner();
    $("identity-news").textContent = say("identity.used", { name });
  } catch {
    $("identity-news").textContent = "";
    $("identity-problem").textContent = say("identity.damaged", { name: file.name });
  }
}

async function keepIdentity() {
  const { owner } = await readOwner();
  if (!owner) return;
  await writeOwner(owner, $("identity-keep").checked);
  tellSaved();
}

async function forgetIdentity() {
  await forgetOwner();
  $("identity-keep").checked = false;
  await showOwner();
  $("identity-news").textContent = say("identity.forgotten");
  $("identity-file").focus();
}

function showList(list, patterns, remove) {
  list.hidden = list.previousElementSibling.hidden = !patterns.length;
  list.replaceChildren(...patterns.map((pattern) => {
    const row = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = say("sites.remove");
    button.setAttribute("aria-label", `${say("sites.remove")}: ${nameOf(pattern)}`);
    button.onclick = async () => {
      await remove(pattern);
      await showSites();
      $("sites-news").textContent = say("sites.reload");
      $("sites-all").focus();
    };
    row.append(`${nameOf(pattern)} `, button);
    return row;
  }));
}

async function showSites() {
  const { off } = await readSettings();
  $("sites-all").checked = await isOnEverywhere();
  showList($("sites-on"), await listSingle(), (pattern) => permit([pattern], false));
  showList($("sites-off"), off, (pattern) => writeSettings({ off: off.filter((one) => one !== pattern) }));
}

async function takeAll() {
  const granted = await permit(EVERYWHERE, $("sites-all").checked);
  await showSites();
  $("sites-news").textContent = say(granted ? "sites.reload" : "sites.refused");
}

async function start() {
  showTexts();
  const { policy, strength, page } = await readSettings();
  showPolicy(policy);
  document.querySelector(`[name=strength][value=${strength}]`).checked = true;
  $("page").value = page;
  await showOwner();
  await showSites();
  for (const one of all("[name=policy], [name=use]")) one.onchange = takePolicy;
  for (const one of all("[name=strength]")) one.onchange = takeStrength;
  $("identity-file").onchange = async ({ target }) => {
    if (target.files.length) await openIdentity(target.files);
    target.value = "";
  };
  $("identity-keep").onchange = keepIdentity;
  $("identity-forget").onclick = forgetIdentity;
  $("sites-all").onchange = takeAll;
  $("page").onchange = async () => {
    await writeSettings({ page: $("page").value.trim() });
    tellSaved();
  };
  document.documentElement.dataset.ready = "";
}

start();
