"""Decoded sound becomes a file of samples that the package reads, and keeps its times."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import numpy as np

from sottovoce.files import read
from sottovoce.page.build import _WEB

if TYPE_CHECKING:
    from pathlib import Path

SR = 8_000
N = 160
RUN = """
import {{ SampleFile }} from "{module}";
import {{ writeFileSync }} from "node:fs";
const made = new SampleFile();
let value = 0;
for (const step of {steps}) {{
  if (step === null) {{ made.fail(); continue; }}
  const [timestamp, sampleRate, numberOfChannels] = step;
  value += 0.1;
  made.add({{
    timestamp, sampleRate, numberOfChannels, numberOfFrames: {n}, duration: {n} / sampleRate,
    copyTo: (to) => to.fill(value),
  }});
}}
writeFileSync("{out}", new Uint8Array(await made.toBlob().arrayBuffer()));
console.log(JSON.stringify(made.describe()));
"""


def make(tmp_path: Path, steps: list[Any]) -> tuple[dict[str, Any], np.ndarray]:
    """Return what is said of decoded blocks of 20 ms, each louder by 0.1, and their file."""
    out = tmp_path / "samples.wav"
    module = tmp_path / "samples.mjs"
    module.write_bytes((_WEB / "samples.js").read_bytes())
    program = RUN.format(module=module, steps=json.dumps(steps), n=N, out=out)
    (tmp_path / "run.mjs").write_text(program)
    command = ["node", tmp_path / "run.mjs"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout), read(out)[0]


def test_sound_follows_sound_although_its_times_are_rounded(tmp_path) -> None:
    steps = [[round(0.02 * k + 0.0004 * (-1) ** k, 3), SR, 2] for k in range(5)]
    said, y = make(tmp_path, steps)
    assert said == {"seconds": 0.1, "undecoded": 0, "gaps": 0, "silent": 0, "changes": ""}
    np.testing.assert_allclose(y, np.repeat([[0.1, 0.2, 0.3, 0.4, 0.5]] * 2, N, axis=1), rtol=1e-6)


def test_a_lost_packet_leaves_silence_of_its_length(tmp_path) -> None:
    said, y = make(tmp_path, [[0, SR, 1], [0.04, SR, 1]])
    assert (said["gaps"], round(said["silent"], 3), said["undecoded"]) == (1, 0.02, 0)
    np.testing.assert_allclose(y, np.repeat([0.1, 0, 0.2], N), rtol=1e-6)


def test_what_cannot_be_decoded_becomes_silence_and_what_is_there_twice_is_taken_once(
    tmp_path,
) -> None:
    said, y = make(tmp_path, [[0, SR, 1], [0.02, SR, 1], None, [0.02, SR, 1], [0.06, SR, 1]])
    assert (said["gaps"], round(said["undecoded"], 3)) == (0, 0.02)
    np.testing.assert_allclose(y, np.repeat([0.1, 0.2, 0, 0.4], N), rtol=1e-6)


def test_years_of_silence_are_not_written(tmp_path) -> None:
    said, y = make(tmp_path, [[0, SR, 1], [1e8, SR, 1]])
    assert len(y) == 2 * N
    assert said["silent"] == 0


def test_sound_of_another_kind_is_told(tmp_path) -> None:
    said, y = make(tmp_path, [[0, SR, 1], [0.02, 2 * SR, 2]])
    assert said["changes"] == "16000 Hz and 2 channels"
    assert len(y) == N
