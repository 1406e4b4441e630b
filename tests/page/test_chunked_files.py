"""Files in pieces hold what was written to them, whatever the order."""

from __future__ import annotations

import subprocess

import pytest

from sottovoce.page.build import _WEB

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# Node's Blob can be read only by waiting for it, which nothing in a worker's Python can do.
RUN = """
import {{ Chunks }} from "{script}";
globalThis.Blob = class {{
  constructor(parts) {{
    this.bytes = Uint8Array.from((parts ?? []).flatMap((one) => [...(one.bytes ?? one)]));
    this.size = this.bytes.length;
  }}
  slice(start, stop) {{ return new Blob([this.bytes.slice(start, stop)]); }}
}};
globalThis.FileReaderSync = class {{
  readAsArrayBuffer(blob) {{ return blob.bytes.slice().buffer; }}
}};
let state = {seed};
const draw = (n) => (state = (state * 48271) % 2147483647) % n;
const same = (a, b) => {{
  if (Buffer.compare(Buffer.from(a), Buffer.from(b))) throw new Error("differs");
}};
for (let round = 0; round < 2000; round++) {{
  const chosen = Uint8Array.from({{ length: draw(40) }}, () => draw(256));
  const isChosen = draw(2);
  const chunks = new Chunks(1 + draw(9), isChosen ? new Blob([chosen]) : null);
  let expected = Buffer.from(isChosen ? chosen : []);
  for (let step = 0; step < 30; step++) {{
    const position = draw(60), n = draw(25);
    const kind = draw(8);
    if (kind < 4) {{
      const data = Uint8Array.from({{ length: n + 5 }}, () => 1 + draw(255));
      chunks.write(data, 3, n, position);
      const grown = Buffer.alloc(Math.max(expected.length, position + n));
      expected.copy(grown);
      grown.set(data.subarray(3, 3 + n), position);
      expected = grown;
    }} else if (kind < 6) {{
      const into = new Uint8Array(n + 2).fill(9);
      const read = chunks.read(into, 1, n, position);
      const there = expected.subarray(position, position + n);
      same([read], [there.length]);
      same(into.subarray(1, 1 + read), there);
      same([into[0], ...into.subarray(1 + read)], Array(n + 2 - read).fill(9));
    }} else if (kind === 6) {{
      const cut = Buffer.alloc(position);
      expected.copy(cut);
      expected = cut;
      chunks.truncate(position);
    }} else same(chunks.toBlob().bytes, expected);
    if (chunks.size !== expected.length) throw new Error("size");
  }}
  same(chunks.toBlob().bytes, expected);
}}
"""


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_they_hold_what_an_array_would(tmp_path, seed) -> None:
    (tmp_path / "chunked_files.mjs").write_text((_WEB / "chunked_files.js").read_text())
    script = tmp_path / "run.mjs"
    script.write_text(RUN.format(script=tmp_path / "chunked_files.mjs", seed=seed))
    done = subprocess.run(["node", script], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
