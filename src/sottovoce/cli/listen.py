"""`sottovoce listen`: report live which voices in a call carry a mark."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from sottovoce.cli import _output
from sottovoce.cli._heard import HeardBoard
from sottovoce.cli._options import JSON, examples
from sottovoce.cli._whose import list_own
from sottovoce.files.notices import make_voice

if TYPE_CHECKING:
    from sottovoce.live import Hearing

__all__ = ["listen"]


@click.command(
    epilog=examples(
        "sottovoce listen                    to the others in a call",
        "sottovoce listen --device headset   to a microphone; a part of its name is enough",
        "sottovoce listen --for 60 --json    for a minute, as JSON",
    ),
)
@click.option(
    "--device",
    metavar="NAME",
    help="Listen to this microphone or loudspeaker; a part of its name is enough.  [default: the"
    " default loudspeakers]",
)
@click.option(
    "--for",
    "seconds",
    type=click.FloatRange(min=1),
    metavar="SECONDS",
    help="Stop after SECONDS.  [default: listen until Ctrl-C]",
)
@JSON
@click.pass_context
def listen(
    context: click.Context, *, device: str | None, seconds: float | None, as_json: bool
) -> None:
    """Listen to what the loudspeakers play, and report which voices carry a mark.

    The last 20 seconds are checked every 2 seconds.  Each owner gets one line when first read: who
    they are, what they refuse, and from which year on; "again" if no mark of theirs was heard for a
    minute.  A mark whose owner is not decoded yet gets a line first, with the seconds of sound that
    it took: from where somebody begins to speak, after silence, to the check that finds it.  "No
    mark any more" follows when marks have been gone for a minute and there is sound without them.
    A terminal also shows what is heard now.  Ctrl-C ends it.  Needs Linux with PipeWire or
    PulseAudio.

    On unmarked sound, each check raises a false alarm with a probability of at most one in a
    million: at most about once in 23 days of continuous listening.

    Exit code: 0 if a mark was found, 1 if none was, 2 for an error.
    """
    from sottovoce.live import listen_to

    found, began_s = False, None
    with ExitStack() as stack:
        board = None if as_json else stack.enter_context(HeardBoard(list_own()))
        try:
            for hearing in listen_to(device):
                began_s = hearing.at_s if began_s is None else began_s
                found = found or hearing.detection.found
                if board is not None:
                    board.show(hearing)
                else:
                    _output.result_json(_make_fields(hearing))
                    sys.stdout.flush()
                if seconds is not None and hearing.at_s - began_s >= seconds:
                    break
        except KeyboardInterrupt:
            pass
    context.exit(0 if found else 1)


def _make_fields(hearing: Hearing) -> dict[str, object]:
    return {
        **hearing.detection.to_dict(),
        "voices": [make_voice(voice) for voice in hearing.detection.voices],
        "heard_s": hearing.heard_s,
        "level_dbfs": round(hearing.level_dbfs, 1),
        "latency_s": None if hearing.latency_s is None else round(hearing.latency_s, 1),
    }
