"""`sottovoce mic`: the microphone that says no in every call."""

from __future__ import annotations

import math
import signal
import sys
import time
from typing import TYPE_CHECKING

import click

from sottovoce.cli import _output
from sottovoce.cli._alarm import Alarm
from sottovoce.cli._notice import NO_SEAL, OWNER, POLICY, choose_notice, find_seal_key
from sottovoce.cli._options import JSON, examples, strength_option
from sottovoce.cli._service import install, status, uninstall
from sottovoce.cli._status import Board, describe_state
from sottovoce.cli._words import format_path
from sottovoce.files.notices import describe_notice

if TYPE_CHECKING:
    from types import FrameType

    from sottovoce.live import VirtualMic

__all__ = ["mic"]

_POLL_S = 0.2
_TELL_S = 2.0
_ASLEEP_S = 10.0


@click.group(
    invoke_without_command=True,
    epilog=examples(
        "sottovoce mic                       then choose the microphone Sottovoce in the call",
        "sottovoce mic --make-default        makes it the default microphone",
        "sottovoce mic --device headset      a part of its name is enough",
        "sottovoce mic install               starts it at login, without a terminal",
        "sottovoce mic list                  the available microphones",
        "sottovoce mic doctor                what is missing, if it does not work",
    ),
)
@strength_option("strong")
@click.option(
    "--device",
    metavar="NAME",
    help="Hardware microphone to use; a part of its name is enough.  [default: the default"
    " microphone]",
)
@click.option(
    "--into",
    metavar="NAME",
    help="macOS and Windows: output device of the loopback driver; a part of its name is enough."
    "  [default: BlackHole or VB-CABLE]",
)
@OWNER
@POLICY
@NO_SEAL
@click.option(
    "--make-default", is_flag=True, help="Make Sottovoce the default microphone until this ends."
)
@click.option(
    "--block",
    type=click.IntRange(64, 4096),
    metavar="SAMPLES",
    help="Block size; smaller blocks mean less delay and more work.  [default: 512; with"
    " PulseAudio alone 960, and at least 480]",
)
@click.option(
    "--always",
    is_flag=True,
    help="Stay active all the time, not only while a program records from Sottovoce.",
)
# The default now; units that were installed by an earlier release still pass it.
@click.option("--on-demand", is_flag=True, hidden=True, help="The default.")
@click.option(
    "--notify", is_flag=True, help="Show a notification when a call goes out without the mark."
)
@JSON
@click.pass_context
def mic(
    context: click.Context,
    *,
    strength_db: float,
    device: str | None,
    into: str | None,
    owner: str | None,
    policy: str,
    no_seal: bool,
    make_default: bool,
    block: int | None,
    always: bool,
    on_demand: bool,
    notify: bool,
    as_json: bool,
) -> None:
    """Create a microphone called Sottovoce whose sound carries your refusal.

    Choose it in the call's settings.  The status shows whether the mark is heard in what really
    goes out.  Ctrl-C removes the microphone again.

    It works only while a program records from it: until then your own microphone is left alone,
    and hardly any power is used.  Mute and volume of Sottovoce work like those of any microphone.

    A host can still record you, and the mark cannot stop a machine: it says no, in the sound
    itself.  Needs Linux with PipeWire or PulseAudio; or macOS with the driver BlackHole, or
    Windows with VB-CABLE, whose microphone is then the one to choose.
    """
    if context.invoked_subcommand is not None:
        return
    from sottovoce.live import open_mic

    notice = choose_notice(owner=owner, policy=policy)
    for name in {"SIGTERM", "SIGHUP"} & set(dir(signal)):  # Windows has no SIGHUP
        signal.signal(getattr(signal, name), _interrupt)
    seal_key = find_seal_key(notice, no_seal=no_seal)
    sealed = ", with your seal" if seal_key else ""
    microphone = open_mic(
        notice=notice,
        strength_db=strength_db,
        seal_key=seal_key,
        device=device,
        block=block,
        into=into,
        make_default=make_default,
        on_demand=on_demand or not always,
    )
    try:
        with microphone as live, Board(as_json=as_json) as board:
            if not as_json:
                _output.explain(
                    f"Choose the microphone {format_path(live.shown_as)} in the call."
                    f"  What it says: {describe_notice(notice)}{sealed}."
                )
            _watch(live, board, Alarm() if notify else None)
    except KeyboardInterrupt:
        # A driver's microphone stays, but is silent from now on.
        end = "is gone" if microphone.shown_as == "Sottovoce" else "is silent now"
        _output.explain(f"The microphone {format_path(microphone.shown_as)} {end}.")


def _watch(live: VirtualMic, board: Board, alarm: Alarm | None) -> None:
    """Show the status until interrupted."""
    from sottovoce.live import systemd

    told_s = -math.inf
    while True:
        state = live.poll()
        board.show(state)
        if alarm is not None:
            alarm.look(state)
        if time.monotonic() - told_s >= _TELL_S:
            told_s = time.monotonic()
            systemd.tell(describe_state(state)[1])
        quiet = state.status == "asleep" and not (alarm is not None and alarm.waiting)
        live.wait(_ASLEEP_S if quiet else _POLL_S)


@mic.command("list", epilog=examples("sottovoce mic list", "sottovoce mic list --json"))
@JSON
def list_microphones(*, as_json: bool) -> None:
    """List the available microphones, the default one first."""
    for name, description, is_default in sorted(
        _find_microphones(), key=lambda found: not found[2]
    ):
        if as_json:
            _output.result_json({"name": name, "description": description, "default": is_default})
        else:
            shown = format_path(description)
            _output.result(f"{shown}{'  (default)' if is_default else ''}")


def _find_microphones() -> list[tuple[str, str, bool]]:
    """Return the name and description of each, and whether it is the default."""
    from sottovoce.live.loopback import devices as portaudio

    if sys.platform in portaudio.SYSTEMS:
        devices = portaudio.find_preferred(portaudio.read_devices())
        return [(each.name, each.name, each.is_default) for each in devices if each.n_in]
    from sottovoce.live.microphones import find_system

    graph = find_system().read_graph()
    return [
        (node.name, node.description, node.name == graph.default_source)
        for node in graph.microphones()
    ]


@mic.command(
    "doctor",
    epilog=examples("sottovoce mic doctor", "sottovoce mic doctor --json    for a program"),
)
@click.option("--quick", is_flag=True, help="Skip the test with sound.")
@JSON
@click.pass_context
def doctor(context: click.Context, *, quick: bool, as_json: bool) -> None:
    """Check everything the microphone needs, and print the command that fixes each problem.

    Finally, a few seconds of speech are sent through a separate microphone, inaudibly, and the mark
    is looked for in what comes out.

    Exit code: 0 if the microphone can work, 2 if something is missing.
    """
    from sottovoce.live.setup.doctor import examine

    healthy = True
    for check in examine(try_out=not quick):
        healthy = healthy and (check.ok or not check.grave)
        remedy = _output.name_flags(check.remedy)
        if as_json:
            fields = {"what": check.what, "ok": check.ok, "grave": check.grave}
            _output.result_json({**fields, "remedy": remedy})
            continue
        mark = "yes" if check.ok else "NO " if check.grave else "no "
        _output.result(f"{mark}  {format_path(check.what)}")
        if remedy:
            _output.result(f"     {remedy}")
    context.exit(0 if healthy else 2)


for _command in (install, uninstall, status):
    mic.add_command(_command)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
