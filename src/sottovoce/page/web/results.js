// What became of a file: in a sentence, with whatever proves it.

import { makeBlindTest } from "./blind.js";
import { makeComparison } from "./compare.js";
import { makeDetails } from "./details.js";
import { element, makeButton, offerFile, release } from "./elements.js";
import { keepUntilSaved } from "./leaving.js";
import { makePictures } from "./pictures.js";
import { makeSaveAs } from "./saving.js";
import { language, say, sayCertainty, sayPolicy, translate } from "./texts.js";
import { makeTimeline } from "./timeline.js";

const seconds = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });

function describeProtected(answer) {
  if (answer.status !== "marked") return say(`verdict.${answer.status}`);
  if (!answer.marked_s) return say("verdict.unproved");
  return say("verdict.marked", { seconds: seconds.format(answer.marked_s) });
}

function describeChecked(answer) {
  const length = { seconds: seconds.format(answer.duration_s) };
  if (answer.found) return say("verdict.found", { certainty: sayCertainty(answer.log10_p) });
  if (answer.verdict === "suspected") return say("verdict.suspected");
  if (!answer.has_sound) return say("verdict.soundless");
  return say(answer.is_short ? "verdict.short" : "verdict.none", length);
}

function describeOwner({ notice, yours, seal }) {
  if (!notice.owner_id) return say("owner.anonymous");
  if (yours && seal?.holds && !seal.may_be_guessed) return say("owner.sealed", { name: yours, owner: notice.owner });
  if (yours) return say("owner.yours", { name: yours, owner: notice.owner });
  return say("owner.known", { owner: notice.owner });
}

function describeVoice(voice) {
  if (!voice.notice) return say("owner.unreadable");
  const { policy, year } = voice.notice;
  if (voice.matched) return say("voice.matched", { whose: describeOwner(voice), refuses: sayPolicy(policy), year });
  return say("voice.says", { whose: describeOwner(voice), refuses: sayPolicy(policy), year });
}

// The package itself speaks English; what has no translation stays so.
function quote(text, classes = "") {
  const words = translate(text);
  const made = element("p", words ?? text, classes);
  if (words === null) made.lang = "en";
  return made;
}

function listCodecs(tracks) {
  return [...new Set(tracks.map(({ codec }) => codec))].join(", ");
}

// Empty if only the package knows why.
function describeFailure(failed, answer) {
  if (failed) return say("error.crashed");
  if (["changed", "format", "owner"].includes(answer.error)) return say(`error.${answer.error}`);
  if (answer.error === "codec") return say("error.codec", { codecs: listCodecs(answer.undecoded) });
  if (answer.error === "soundless") return say("verdict.soundless");
  return "";
}

// Without the name, or the whole address, that the file has in the worker.
const nameReason = ({ error }) => error.replace(/^(\/\S+|sound(\.\w+)?): /, "");

function showFailure(failure, answer) {
  if (failure) return [element("p", failure, "bad")];
  const reasons = [nameReason(answer), answer.remedy].filter(Boolean);
  return [element("p", say("error.file"), "bad"), ...reasons.map((text) => quote(text))];
}

function offerMade(made, delivered, delivery) {
  const hint = element("p", say("unsaved"), "hint");
  const forget = keepUntilSaved(made);
  delivered.isUnsaved = true;
  delivered.onSaved = () => {
    delivered.isUnsaved = false;
    forget();
    hint.remove();
  };
  const link = offerFile(made, delivered.savedAs, delivered.onSaved);
  delivered.letGo = () => {
    forget();
    release(link);
  };
  const [saveAs, said] = makeSaveAs(made, delivered.savedAs, delivered.onSaved);
  const bar = element("div", "", "row");
  bar.append(...[link, saveAs, delivery.makeReceiptButton(delivered), said].filter(Boolean));
  return [bar, hint];
}

// Fills the row of a file; `options` are those of its job, and `again` repeats it with others.
export function showResult(row, job, file, options, { answer, made, failed }, { engine, delivery, again }) {
  const failure = failed || answer.error ? describeFailure(failed, answer) : "";
  const problem = failure || (answer?.error ? nameReason(answer) : "");
  const delivered = delivery?.add(file.name, { answer, made, problem }, options.own);
  if (problem) {
    row.append(...showFailure(failure, answer));
    return;
  }
  const isGood = answer.marked_s > 0 || answer.found;
  row.append(element("p", job === "protect" ? describeProtected(answer) : describeChecked(answer), isGood ? "good" : ""));
  if (answer.marked_s) {
    const notice = { ...answer.notice, owner: answer.owner };
    row.append(element("p", describeVoice({ notice, yours: options.own[notice.owner_id] })));
  }
  if (answer.sealed) row.append(element("p", say("sealed"), "hint"));
  if (answer.encoded_kbps) row.append(element("p", say("encoded", { kbps: answer.encoded_kbps }), "hint"));
  for (const { number, codec } of answer.undecoded ?? []) {
    row.append(element("p", say("check.undecoded", { number, codec }), "bad"));
  }
  for (const warning of answer.warnings ?? []) row.append(quote(warning, "hint"));
  if (answer.voices?.length) row.append(makeTimeline(file, answer, answer.voices.map(describeVoice)));
  if (made) {
    row.append(...offerMade(made, delivered, delivery));
    const comparison = makeComparison(file, made, answer.duration_s);
    row.append(comparison ?? element("p", say("compare.large"), "hint"));
    const files = { engine, file, marked: made };
    row.append(makeBlindTest(files, options.strength), makePictures(files));
  }
  if (job !== "check") return;
  if (!answer.found && answer.has_sound && Object.keys(options.own).length) {
    row.append(element("p", say("seal.elsewhere"), "hint"));
  }
  if (!answer.found && answer.has_sound && !options.thorough) {
    row.append(makeButton(say("thorough.try"), () => again({ thorough: true })));
  }
  row.append(makeDetails(answer.json));
}
