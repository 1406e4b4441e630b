// The files that a person gives: each gets a row, which tells how far it is, and what became of it.

import { $, element, makeButton } from "./elements.js";
import { sayPlace } from "./places.js";
import { silence } from "./playing.js";
import { showResult } from "./results.js";
import { language, say } from "./texts.js";

const gigabytes = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });

// Of a file whose length is known before it is decoded, in its own time.
function sayProgress({ share, total }) {
  if (!total) return say("working", { percent: Math.floor(100 * share) });
  return sayPlace(share * total, total);
}

const listOf = (job) => $(job === "protect" ? "protected" : "checked");

function addRow(job, name) {
  const row = element("li");
  row.append(element("h2", name));
  listOf(job).append(row);
  return row;
}

// What is done can be put away, so that its sound is no longer held; what waits or runs stays.
function offerClearing(job, input, delivery) {
  const list = listOf(job);
  const button = $(`${list.id}-clear`);
  const findDone = () => [...list.children].filter((row) => !row.querySelector(":scope > progress"));
  const show = () => {
    button.hidden = !findDone().length;
  };
  new MutationObserver(show).observe(list, { childList: true, subtree: true });
  button.onclick = () => {
    if (delivery && !delivery.clear()) return;
    silence();
    for (const row of findDone()) row.remove();
    input.focus(); // the button is gone
  };
}

function addFile(engine, job, file, { ready, options, input, delivery, mostBytes = Infinity }) {
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
    input.focus(); // the button is gone
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

// Takes what is dropped or chosen; `wanted` says what is to be done with it.
export function listen(engine, job, input, wanted) {
  const drop = input.closest(".drop");
  offerClearing(job, input, wanted.delivery);
  const take = (files) => {
    if (wanted.isComplete?.() ?? true) for (const file of files) addFile(engine, job, file, { ...wanted, input });
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
