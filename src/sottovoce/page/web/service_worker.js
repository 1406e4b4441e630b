// Answers for a server that may be gone: with the files below, and with nothing else.

const CACHE = "sottovoce-{version}";
const FILES = ["./", "manifest.webmanifest", "icon.svg"];

self.oninstall = (event) => {
  self.skipWaiting();
  const fresh = FILES.map((name) => new Request(name, { cache: "reload" }));
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(fresh)));
};

self.onactivate = (event) => {
  const drop = async () => {
    for (const name of await caches.keys()) {
      if (name.startsWith("sottovoce-") && name !== CACHE) await caches.delete(name);
    }
    await self.clients.claim();
  };
  event.waitUntil(drop());
};

self.onfetch = (event) => {
  const request = event.request.mode === "navigate" ? new Request("./") : event.request;
  const find = async () => (await caches.match(request, { ignoreSearch: true })) ?? Response.error();
  event.respondWith(find());
};
