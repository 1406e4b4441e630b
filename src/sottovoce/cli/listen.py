"""`sottovoce listen`: say live which voices in a call carry a mark."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING

import click

from sottovoce.cli import _output
from sottovoce.cli._options import JSON, examples
from sottovoce.cli._words import describe_voice, format_p, make_payload

if TYPE_CHECKING:
    from sottovoce.live import Hearing

__all__ = ["listen"]


@click.command(
    epilog=examples(
        "sottovoce listen                    to the others in a call",
        "sottovoce listen --device headset   to a microphone, by a part of its name",
        "sottovoce listen --for 60 --json    a minute, for a program",
    ),
)
@click.option(
    "--device",
    metavar="NAME",
    help="A microphone or loudspeaker; by default the loudspeakers that programs are given.",
)
@click.option(
    "--for", "seconds", type=click.FloatRange(min=1), metavar="SECONDS", help="End after so long."
)
@JSON
@click.pass_context
def listen(
    context: click.Context, *, device: str | None, seconds: float | None, as_json: bool
) -> None:
    """Watch what the loudspeakers play, and say which voices carry a mark.

    Looks at the last 20 seconds every 2 seconds.  A line is written whenever the answer changes,
    with the seconds of sound that it took: from where somebody begins to speak, after silence, to
    the look that finds the mark.  Ctrl-C ends it.  Needs Linux with PipeWire or PulseAudio.

    Each look is wrong at most once in a million about unmarked sound: once in 23 days.

    Exit code: 0 if a mark was found, 1 if none was, 2 for an error.
    """
    from sottovoce.live import listen_to

    found, began_s = False, None
    last: tuple[str, float | None] = ("", None)
    try:
        for hearing in listen_to(device):
            began_s = hearing.at_s if began_s is None else began_s
            found = found or hearing.detection.found
            said = (_describe(hearing), hearing.latency_s if hearing.detection.found else None)
            if as_json:
                _output.result_json(_make_fields(hearing))
            elif said != last:
                clock = datetime.now().astimezone().strftime("%H:%M:%S")
                _output.result(f"{clock}  {said[0]} ({_describe_evidence(hearing)})")
            last = said
            sys.stdout.flush()
            if seconds is not None and hearing.at_s - began_s >= seconds:
                break
    except KeyboardInterrupt:
        pass
    context.exit(0 if found else 1)


def _describe(hearing: Hearing) -> str:
    """Say what is marked; changes only when the answer does."""
    if not hearing.detection.found:
        return "no mark found" if hearing.heard_s else "silence"
    voices = hearing.detection.voices
    said = "; ".join(sorted({describe_voice(voice) for voice in voices}))
    return f"{len(voices)} marked {'voice' if len(voices) == 1 else 'voices'}: {said}"


def _describe_evidence(hearing: Hearing) -> str:
    p = f"p = {format_p(hearing.detection.log10_p)}"
    if hearing.detection.found and hearing.latency_s is not None:
        return f"{p}, found after {hearing.latency_s:.1f} s of sound"
    return f"{p}, in {hearing.heard_s:.0f} s of sound"


def _make_fields(hearing: Hearing) -> dict[str, object]:
    fields = hearing.detection.to_dict()
    for voice, own in zip(hearing.detection.voices, fields["voices"], strict=True):
        own["payload"] = None if voice.notice is None else make_payload(voice.notice)
    return {
        **fields,
        "heard_s": hearing.heard_s,
        "level_dbfs": round(hearing.level_dbfs, 1),
        "latency_s": None if hearing.latency_s is None else round(hearing.latency_s, 1),
    }
