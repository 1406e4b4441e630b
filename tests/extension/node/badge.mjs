// The board of badges of a worker that begins after another has ended, with a stand-in for the browser.

import { mock } from "node:test";

const [, , signal] = process.argv;
const shown = {};
let kept = [[7, { 0: { word: "unmarked", reason: "around" }, 3: { word: "marked", reason: "" } }]];
globalThis.chrome = {
  tabs: { onRemoved: { addListener() {} } },
  i18n: { getMessage: (key) => key },
  storage: {
    session: {
      get: async () => ({ states: structuredClone(kept) }),
      set: async ({ states }) => {
        kept = states;
      },
    },
  },
  action: {
    setBadgeBackgroundColor() {},
    setBadgeTextColor() {},
    setTitle() {},
    setBadgeText: ({ tabId, text }) => {
      shown[tabId] = text;
    },
  },
};
mock.timers.enable({ apis: ["setTimeout"] });
const settled = () => new Promise((resolve) => setImmediate(resolve));

const { BadgeBoard } = await import(`${signal}/../background/badge.js`);
const board = new BadgeBoard();
await board.set({ tab: 7, frame: 3 }, { word: "marked", reason: "" });
const before = shown[7];
mock.timers.tick(20_000);
await settled();
console.log(JSON.stringify({ before, after: shown[7], kept }));
