"""Protect a clip, check it, send it through MP3 and Opus, check again, and draw what was found.

    python examples/demo.py --out demo-output

Each step prints the command that a user would type, runs it, and says what to expect.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from pathlib import Path

import soundfile as sf

CLIP = Path(os.path.relpath(__file__)).parent / "data" / "sense_and_sensibility.flac"
PROGRAM = Path(sys.executable).with_name("sottovoce")
NOT_FOUND = 1

# Container, subtype, and libsndfile's level of compression: 0 is the most bits, 1 the fewest.
CODECS = {"MP3": ("MP3", "MPEG_LAYER_III", 0.5), "Opus": ("OGG", "OPUS", 0.9)}


def say(text: str) -> None:
    """Announce what happens next."""
    print(f"\n{text}", flush=True)


def run(*arguments: object, expect: int = 0) -> None:
    """Run sottovoce as a user would, and stop if it does not do what it should."""
    words = [str(argument) for argument in arguments]
    print("$ sottovoce", shlex.join(words), flush=True)
    code = subprocess.run([PROGRAM, *words], check=False).returncode  # noqa: S603 - our own program
    if code != expect:
        sys.exit(f"The demo failed: exit code {code} where {expect} was expected.")


def send_through(codec: str, source: Path, target: Path) -> None:
    """Encode with a real codec, as an upload or a call would."""
    container, subtype, level = CODECS[codec]
    y, sr = sf.read(source, dtype="float32")
    sf.write(target, y, sr, format=container, subtype=subtype, compression_level=level)
    kbit_s = target.stat().st_size * 8 / (len(y) / sr) / 1000
    print(f"{codec} at {kbit_s:.0f} kbit/s: {target}", flush=True)


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("demo-output"), help="folder to write to")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    marked = out / "speech.protected.flac"

    say("1. Write the mark into 25 s of read speech.")
    run("protect", CLIP, "-o", marked, "--remark")

    say("2. Check the original. It has no mark, so nothing must be found.")
    run("check", CLIP, expect=NOT_FOUND)

    say("3. Check the marked file: found, with the false-alarm bound, the policy and the owner id.")
    run("check", marked, "--timeline")

    say("4. Compress it as an upload or a call would, and check again.")
    for codec, name in (("MP3", "speech.mp3"), ("Opus", "speech.opus")):
        send_through(codec, marked, out / name)
        run("check", out / name)

    say("5. Draw what was found.")
    run("check", marked, "--plot", out / "speech.png")

    say(f"Done. Listen to {CLIP} and {marked}: can you hear a difference?")


if __name__ == "__main__":
    main()
