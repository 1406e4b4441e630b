// What a hostile page would do: everything that a wrapper could look up in the page's world is
// replaced by spies, which keep every track that they see in `stolen`.

function replaceEverything() {
  window.stolen = [];
  const Reflect_apply = Reflect.apply;
  window.seen = 0;
  let isBusy = false;
  const { getAudioTracks } = MediaStream.prototype;
  const [Stream, Track] = [MediaStream, MediaStreamTrack];
  const add = (track) => { stolen[stolen.length] = track; };
  // What it does itself would be seen by what it has replaced.
  const keep = (value) => {
    if (isBusy) return;
    isBusy = true;
    seen += 1;
    if (value instanceof Stream) Reflect_apply(getAudioTracks, value, []).forEach(add);
    if (value instanceof Track && value.kind === "audio") add(value);
    isBusy = false;
  };
  const spy = (target, name) => {
    const { value } = Object.getOwnPropertyDescriptor(target, name);
    const replacement = function (...values) {
      keep(this);
      values.forEach(keep);
      return Reflect_apply(value, this, values);
    };
    Object.defineProperty(target, name, { value: replacement });
  };
  const targets = [
    [Promise.prototype, "then"], [WeakMap.prototype, "get"], [WeakMap.prototype, "set"],
    [WeakMap.prototype, "has"], [Set.prototype, "add"], [Function.prototype, "call"],
    [Function.prototype, "apply"], [EventTarget.prototype, "addEventListener"],
    [EventTarget.prototype, "dispatchEvent"], [MediaStream.prototype, "addTrack"],
    [MediaStream.prototype, "removeTrack"], [MediaStream.prototype, "getTracks"],
    [Reflect, "apply"], [Reflect, "defineProperty"], [Array.prototype, "push"],
  ];
  for (const [target, name] of targets) spy(target, name);
  const { set, get } = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, "srcObject");
  Object.defineProperty(HTMLMediaElement.prototype, "srcObject", {
    get() { const value = get.call(this); keep(value); return value; },
    set(value) { keep(value); set.call(this, value); },
  });
  const { [Symbol.iterator]: iterate } = Array.prototype;
  Array.prototype[Symbol.iterator] = function () {
    for (let i = 0; i < this.length; i++) keep(this[i]);
    return Reflect_apply(iterate, this, []);
  };
  Object.defineProperty(Object.prototype, "then", {
    get() { keep(this); return undefined; }, configurable: true,
  });
  Object.defineProperty(Promise.prototype, "constructor", {
    get() { return class extends Promise {}; }, configurable: true,
  });
  for (const name of ["MediaStream", "AudioContext", "AudioWorkletNode", "WeakMap", "Event"]) {
    const Original = window[name];
    window[name] = new Proxy(Original, {
      construct(target, values) { values.forEach(keep); return new target(...values); },
    });
  }
  JSON.stringify = JSON.parse = () => { throw new Error("replaced"); };
}
