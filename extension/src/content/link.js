// The way to the service worker, which has the settings and the keys: one port for a frame, opened
// with its first microphone and again if the browser has ended the worker meanwhile.

const api = globalThis.browser ?? chrome;
const AGAIN_MS = 1_000;

export class Link {
  #port = null;
  #number = 0;
  #waiting = new Map();
  #onAgain;

  /** @param {() => void} onAgain called when the worker has forgotten this frame and is there again. */
  constructor(onAgain) {
    this.#onAgain = onAgain;
  }

  /**
   * @param {object} question
   * @returns {Promise<object>} the worker's answer.
   * @throws {Error} if it ends before it answers, or the extension was removed.
   */
  ask(question) {
    return new Promise((resolve, reject) => {
      const number = ++this.#number;
      this.#waiting.set(number, { resolve, reject });
      try {
        this.tell({ ...question, number });
      } catch (error) {
        this.#waiting.delete(number);
        reject(error);
      }
    });
  }

  tell(message) {
    if (!this.#port) this.#open();
    this.#port.postMessage(message);
  }

  close() {
    this.#port?.disconnect();
    this.#port = null;
    this.#rejectAll();
  }

  #rejectAll() {
    for (const { reject } of this.#waiting.values()) reject(new Error("the extension has ended"));
    this.#waiting.clear();
  }

  #open() {
    this.#port = api.runtime.connect({ name: "call" });
    this.#port.onMessage.addListener(({ number, answer, error }) => {
      const asked = this.#waiting.get(number);
      this.#waiting.delete(number);
      if (error) asked?.reject(new Error(error));
      else asked?.resolve(answer);
    });
    this.#port.onDisconnect.addListener(() => {
      this.#port = null;
      this.#rejectAll();
      setTimeout(() => this.#onAgain(), AGAIN_MS);
    });
  }
}
