// The libraries in WebAssembly that Python calls, by the names under which it imports them.

import { openLame } from "./lame.js";
import { openLibFlac } from "./libflac.js";
import { openMpg123 } from "./mpg123.js";

export function openLibraries(read) {
  return {
    lame: openLame(read("lame.wasm")),
    libflac: openLibFlac(read("libflac.wasm")),
    mpg123: openMpg123(read("mpg123.wasm")),
  };
}
