// Where the browser can, the place of a new file is chosen: beside the original, for example.

import { element, makeButton } from "./elements.js";
import { say } from "./texts.js";

// Returns a button and what it says; nothing where files can only be downloaded.
export function makeSaveAs(blob, name, onSave) {
  if (typeof showSaveFilePicker !== "function") return [];
  const said = element("span", "", "hint");
  said.setAttribute("role", "status");
  const button = makeButton(say("save.as"), async () => {
    said.textContent = "";
    try {
      // The browser opens the folder of the last time; what it writes takes its place when complete.
      const chosen = await showSaveFilePicker({ id: "sottovoce", suggestedName: name });
      await blob.stream().pipeTo(await chosen.createWritable());
      said.textContent = say("save.done", { name: chosen.name });
      onSave();
    } catch (error) {
      if (error.name !== "AbortError") said.textContent = say("save.failed", { reason: error.message });
    }
  });
  return [button, said];
}
