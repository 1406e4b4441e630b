// What the wrapper uses of the page's world, saved before code of the page can replace it.
//
// After this, nothing is looked up by name in an object that the page can reach: no method call on an
// object, no list that is spread or iterated over, no `await`.

const { apply, defineProperty, getOwnPropertyDescriptor } = Reflect;

/** Call a saved method. */
export const call = (method, self, ...values) => apply(method, self, values);

export { apply, defineProperty, getOwnPropertyDescriptor };

/** Return the getter of a property, or undefined where the browser has none. */
export const getterOf = (prototype, name) => getOwnPropertyDescriptor(prototype, name)?.get;

/** Return the setter of a property. */
export const setterOf = (prototype, name) => getOwnPropertyDescriptor(prototype, name).set;

const { get, has, set } = WeakMap.prototype;
const { add, delete: remove, forEach } = Set.prototype;
const { then } = Promise.prototype;
const { addEventListener, dispatchEvent } = EventTarget.prototype;
const later = window.setTimeout;
const NewPromise = Promise;
const NewEvent = Event;

/** A WeakMap whose methods cannot be replaced. */
export function makeMap() {
  const map = new WeakMap();
  return {
    get: (key) => call(get, map, key),
    has: (key) => call(has, map, key),
    set: (key, value) => call(set, map, key, value),
  };
}

/** A Set whose methods cannot be replaced. */
export function makeSet() {
  const held = new Set();
  return {
    add: (value) => call(add, held, value),
    remove: (value) => call(remove, held, value),
    forEach: (task) => call(forEach, held, task),
  };
}

export const listen = (target, type, task, options) => call(addEventListener, target, type, task, options);

export const dispatch = (target, event) => call(dispatchEvent, target, event);

export const fire = (target, type) => dispatch(target, new NewEvent(type));

export const onceDone = (promise, task, failed) => call(then, promise, task, failed);

export const promise = (task) => new NewPromise(task);

export const setTimer = (task, ms) => call(later, window, task, ms);

/** Call a task for each of a list, without asking the list for an iterator. */
export function each(list, task) {
  for (let i = 0; i < list.length; i++) task(list[i]);
}

/** Put something in the place of a property, and keep how it looks from outside. */
export function replaceValue(target, name, value) {
  const descriptor = getOwnPropertyDescriptor(target, name);
  if (descriptor) defineProperty(target, name, { __proto__: null, ...descriptor, value });
}

/** Likewise, of a property with a getter; a setter that is not given stays. */
export function replaceAccess(target, name, access) {
  const descriptor = getOwnPropertyDescriptor(target, name);
  if (descriptor) defineProperty(target, name, { __proto__: null, ...descriptor, ...access });
}
