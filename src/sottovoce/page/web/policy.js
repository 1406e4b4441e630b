// What is refused: a preset, or single uses, in the words of the command's --policy.

import { $ } from "./elements.js";
import { say } from "./texts.js";

const ONLY_ASKS = "licence"; // which refuses nothing

function chosenUses() {
  return [...document.querySelectorAll("[name=use]:checked")].map((box) => box.value);
}

export function readPolicy() {
  if ($("policy-own").checked) return chosenUses().join(",");
  return document.querySelector("[name=policy]:checked").value;
}

// A mark that refuses nothing is a mistake.
export function isPolicyComplete() {
  const isComplete = !$("policy-own").checked || chosenUses().some((use) => use !== ONLY_ASKS);
  $("policy-problem").textContent = isComplete ? "" : say("policy.empty");
  if (!isComplete) document.querySelector("[name=use]").focus();
  return isComplete;
}

export function listenToPolicy() {
  const show = () => {
    $("uses").hidden = !$("policy-own").checked;
    $("policy-problem").textContent = "";
  };
  for (const radio of document.querySelectorAll("[name=policy]")) radio.onchange = show;
  $("uses").onchange = show;
  show(); // some browsers keep what was chosen before a reload
}
