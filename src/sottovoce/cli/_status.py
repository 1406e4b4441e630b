"""The live status: whether the mark goes out, in a word and a colour, and what it is based on."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sottovoce.cli import _output
from sottovoce.cli._live import LiveBoard
from sottovoce.cli._words import format_p, format_path

if TYPE_CHECKING:
    from sottovoce.live import MicState

__all__ = ["Board", "describe_state", "make_fields"]

_COLOURS = {"good": "green", "waiting": "yellow", "bad": "red"}
_BAR_DB = 60
_BAR_WIDTH = 20
_NO_ANSWER = "the audio process does not answer"


def describe_state(state: MicState) -> tuple[str, str]:
    """Return a mood (good, waiting, bad) and what to tell the user."""
    match state.status:
        case "no server":
            return "bad", f"NO SOUND SYSTEM: {state.error}"
        case "no microphone":
            return "bad", "NO MICROPHONE: plug one in, or choose one with --device"
        case "starting":
            return "waiting", "starting: not marked yet"
        case "asleep":
            muted = f"; {_describe_mute(state)}" if state.muted or state.microphone_muted else ""
            return "waiting", f"asleep: no program records from Sottovoce{muted}"
        case "muted":
            return "waiting", f"MUTED: {_describe_mute(state)}, nobody hears you"
        case "silent":
            return "bad", f"SILENT: nothing goes out ({state.error or _NO_ANSWER})"
        case "unmarked":
            return "bad", f"UNMARKED: your voice goes out as it is ({state.error or _NO_ANSWER})"
    match state.confirmation:
        case "heard":
            p = format_p(state.hearing.detection.log10_p) if state.hearing else ""
            ago_s = state.found_ago_s or 0.0
            return "good", f"MARKED: heard in what goes out, {p}, {ago_s:.0f} s ago"
        case "not heard":
            return "bad", "NOT HEARD: there is sound, but no mark is found in what goes out"
        case _:
            return "waiting", "ready: speak for some seconds, then the mark can be heard"


def _describe_mute(state: MicState) -> str:
    """Return what is muted, in words."""
    if state.muted and state.microphone_muted:
        return "Sottovoce and your own microphone are muted"
    return "Sottovoce is muted" if state.muted else "your own microphone is muted"


def make_fields(state: MicState) -> dict[str, Any]:
    """Return the state for JSON; six fields for one release by their former names as well."""
    mood, words = describe_state(state)
    return {
        "status": state.status,
        "sign": state.status,
        "confirmation": state.confirmation,
        "mood": mood,
        "words": words,
        "microphone": state.microphone,
        "n_recorders": state.n_recorders,
        "recorders": state.n_recorders,
        "bypassing": list(state.bypassing),
        "level_dbfs": round(state.level_dbfs, 1),
        "delay_s": round(state.delay_s, 5),
        "delay_ms": round(1e3 * state.delay_s, 2),
        "block": state.block,
        "n_blocks": state.n_blocks,
        "blocks": state.n_blocks,
        "n_missed": state.n_missed,
        "missed": state.n_missed,
        "n_unmarked": state.n_unmarked,
        "unmarked": state.n_unmarked,
        "busy": round(state.busy, 4),
        "realtime": state.realtime,
        "muted": state.muted,
        "microphone_muted": state.microphone_muted,
        "log10_p": None if state.hearing is None else round(state.hearing.detection.log10_p, 2),
        "found_ago_s": None if state.found_ago_s is None else round(state.found_ago_s, 1),
        "error": state.error,
    }


class Board(LiveBoard):
    """Show states as they arrive: a panel on a terminal, elsewhere a line at each change.

    Parameters
    ----------
    as_json : bool
        Whether every change, and every thousandth block, is one line of JSON.
    """

    def __init__(self, *, as_json: bool) -> None:
        super().__init__(refresh_per_second=5, drawn=not as_json)
        self._as_json = as_json
        self._last: tuple[object, ...] = ()

    def show(self, state: MicState) -> None:
        """Show one state."""
        mood, words = describe_state(state)
        if self._live is not None:
            self._live.update(_make_panel(state, mood, words))
            return
        mutes = (state.muted, state.microphone_muted)
        lasting = (state.status, state.confirmation, state.microphone, state.bypassing, mutes)
        now = (*lasting, state.n_recorders, state.block, state.n_blocks // 1000)
        if now == self._last or (not self._as_json and lasting == self._last[: len(lasting)]):
            return
        self._last = now
        if self._as_json:
            _output.result_json(make_fields(state))
        else:
            clock = datetime.now().astimezone().strftime("%H:%M:%S")
            _output.result(f"{clock}  {words}  [{format_path(state.microphone)}]")
            for program in state.bypassing:
                _output.result(f"{clock}  {format_path(program)} records you without the mark")
        sys.stdout.flush()


def _make_panel(state: MicState, mood: str, words: str) -> Any:  # noqa: ANN401 - what rich renders
    from rich.panel import Panel
    from rich.text import Text

    filled = round(_BAR_WIDTH * min(max(1 + state.level_dbfs / _BAR_DB, 0), 1))
    bar = "█" * filled + "░" * (_BAR_WIDTH - filled)
    lines = [
        Text(f"● {words}", style=f"bold {_COLOURS[mood]}"),
        Text(f"  microphone  {format_path(state.microphone) or 'none'}"),
        Text(f"  level       {bar} {state.level_dbfs:.0f} dBFS"),
        Text(f"  delay       {1e3 * state.delay_s:.1f} ms (blocks of {state.block})"),
        Text(f"  missed      {state.n_missed} of {state.n_blocks:,} blocks"),
    ]
    if state.n_recorders is not None:
        programs = "program records" if state.n_recorders == 1 else "programs record"
        lines.append(Text(f"  used by     {state.n_recorders} {programs} from Sottovoce"))
    lines += [
        Text(f"  {format_path(program)} records you without the mark", style=_COLOURS["bad"])
        for program in state.bypassing
    ]
    return Panel(Text("\n").join(lines), title="Sottovoce", subtitle="Ctrl-C ends it")
