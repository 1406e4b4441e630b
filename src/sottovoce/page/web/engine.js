// One worker at a time, and a queue of files.  A file that ends the worker costs that file alone:
// the next one gets a new worker.

export class Engine {
  #parts;
  #worker = null;
  #isReady = false;
  #broken = null; // why no worker can be had
  #waiting = [];
  #current = null;
  #nextId = 1;
  #onLoading;
  #onBroken;

  constructor(parts, { onLoading, onBroken }) {
    this.#parts = parts;
    this.#onLoading = onLoading;
    this.#onBroken = onBroken;
    this.#startWorker();
  }

  get isBusy() {
    return this.#current !== null || this.#waiting.length > 0;
  }

  // Returns the number of the job; `tell` hears {share, total}, {answer, made} or {failed}.
  add(job, file, options, tell) {
    const id = this.#nextId++;
    this.#waiting.push({ id, job, file, options, tell });
    this.#next();
    return id;
  }

  // Promises the news of a job that goes before all files that wait; `sounds` are those it is about.
  ask(job, options, sounds = { file: null }) {
    return new Promise((resolve) => {
      const tell = (news) => news.share === undefined && resolve(news);
      const first = this.#waiting.findIndex((one) => !one.isAsked); // in the order of asking
      const at = first < 0 ? this.#waiting.length : first;
      this.#waiting.splice(at, 0, { id: this.#nextId++, job, ...sounds, options, tell, isAsked: true });
      this.#next();
    });
  }

  cancel(id) {
    this.#waiting = this.#waiting.filter((one) => one.id !== id);
    if (this.#current?.id === id) this.#restart();
  }

  #startWorker() {
    const url = URL.createObjectURL(new Blob([this.#parts.script], { type: "text/javascript" }));
    this.#worker = new Worker(url);
    URL.revokeObjectURL(url);
    this.#worker.onmessage = ({ data }) => this.#hear(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(event.message);
    };
    this.#worker.postMessage({ kind: "start", parts: this.#parts.files });
  }

  #restart() {
    // What it still has to say, of how it was ended for example, is no longer about anything.
    this.#worker.onmessage = null;
    this.#worker.onerror = null;
    this.#worker.terminate();
    this.#isReady = false;
    this.#current = null;
    this.#startWorker();
  }

  #hear(data) {
    if (data.kind === "loading") return this.#onLoading(data.share);
    if (data.kind === "ready") {
      this.#isReady = true;
      this.#broken = null;
      this.#onLoading(1);
      return this.#next();
    }
    if (data.kind === "failed") return this.#fail(data.reason);
    if (data.id !== this.#current?.id) return undefined;
    if (data.kind === "progress") return this.#current.tell({ share: data.share, total: data.total });
    const { tell } = this.#current;
    this.#current = null;
    tell({ answer: data.answer, made: data.made });
    return this.#next();
  }

  #fail(reason) {
    if (!this.#isReady) {
      this.#broken = reason;
      this.#onBroken(reason);
      this.#next();
      return;
    }
    const failed = this.#current;
    this.#restart();
    failed?.tell({ failed: reason });
  }

  #next() {
    // What waits for a worker that cannot start must not wait for ever.
    if (this.#broken) for (const one of this.#waiting.splice(0)) one.tell({ failed: this.#broken });
    if (!this.#isReady || this.#current || !this.#waiting.length) return;
    this.#current = this.#waiting.shift();
    const { tell, ...task } = this.#current;
    this.#worker.postMessage({ kind: "run", ...task });
  }
}
