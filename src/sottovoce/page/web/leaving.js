// Whoever closes the page is asked first, but only while something would be lost.

const unsaved = new Set();
let isBusy = () => false;

// `busy` tells whether files are being worked on.
export function guardLeaving(busy) {
  isBusy = busy;
  addEventListener("beforeunload", (event) => {
    if (unsaved.size || isBusy()) event.preventDefault();
  });
}

// Returns what to call once `made` has been saved.
export function keepUntilSaved(made) {
  unsaved.add(made);
  return () => unsaved.delete(made);
}
