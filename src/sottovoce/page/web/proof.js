// What an original and its marked version show when somebody asks: a summary that, opened for the
// first time, has both files worked on.

import { element } from "./elements.js";
import { say } from "./texts.js";

// Why a job has no result; empty if it has one.
function sayProblem({ answer, failed }, otherwise) {
  if (failed) return say("error.crashed");
  if (!answer.error) return "";
  return say(answer.error === "changed" ? "error.changed" : otherwise);
}

// `key` is that of the summary; `show` returns elements from what the job answered and made.
export function makeProof({ engine, file, marked }, key, job, options, show) {
  const details = element("details", "", key);
  const body = element("div");
  details.append(element("summary", say(key)), body);
  details.addEventListener("toggle", async () => {
    const state = element("p", say("waiting"));
    state.setAttribute("role", "status");
    body.append(state);
    const news = await engine.ask(job, options, { file, marked });
    let problem = sayProblem(news, `${key}.failed`);
    try {
      if (!problem) body.replaceChildren(...show(news.answer, await news.made.arrayBuffer()));
    } catch { // a rate that no AudioBuffer may have
      problem = say(`${key}.failed`);
    }
    if (problem) body.replaceChildren(element("p", problem, "bad"));
  }, { once: true });
  return details;
}
