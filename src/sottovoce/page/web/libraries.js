// The libraries in WebAssembly that Python calls, by the names under which it imports them.

import { openLibFlac } from "./libflac.js";

export function openLibraries(read) {
  return { libflac: openLibFlac(read("libflac.wasm")) };
}
