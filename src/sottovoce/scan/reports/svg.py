"""Drawings of a report as inline SVG: p-values against chance, and when a voice is marked.

Colours and widths are in the page's style sheet, by class, so that one drawing works in light and
dark mode and on paper.
"""

from __future__ import annotations

import html
import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from sottovoce.core.evidence import FOUND_FPR, SUSPECTED_FPR
from sottovoce.files.times import format_time
from sottovoce.scan.reports.wording import format_count, format_power

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["draw_histogram", "draw_voice", "read_segments"]

_WIDTH, _HEIGHT = 720, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 22, 44
_LAST, _END, _BIN = 12.0, 13.4, 0.5
"""Exponents: from 12 on, all recordings share one bar, since finer steps show nothing there."""
_FLOOR = math.log10(0.3)
"""Lower end of the scale of counts, so that a single recording shows above the baseline."""

_LANE_WIDTH, _LANE_HEIGHT, _BAND = 240.0, 30.0, 5.0
_MOST_SEGMENTS, _MOST_POINTS = 200, 400
_LEAST_SCALE = 8.0
"""Minimum score at the top of a lane: noise must not look like evidence."""


def draw_histogram(histogram: Sequence[tuple[float, int]], *, n_tested: int) -> str:
    """Draw a histogram of the p-values, and the bound that chance sets.

    Parameters
    ----------
    histogram : sequence of (float, int)
        As in `Summary`.
    n_tested : int
        Recordings that have a p-value.  If none is marked, at most n 10^-x of them are
        expected at or beyond x = -log10 p, so at most that many in the bin that begins there.

    Returns
    -------
    svg : str
        A chart whose axes are both logarithmic, which makes the bound a straight line.
    """
    chart = _Chart(top=max(n_tested, 10))
    bars: Counter[float] = Counter()
    for lower, n in histogram:
        bars[min(-lower - _BIN, _LAST)] += n
    n_over = sum(n for exponent, n in bars.items() if exponent >= -math.log10(FOUND_FPR))
    label = (
        f"Histogram of p-values of {format_count(n_tested)} recordings;"
        f" {format_count(n_over)} of them have p at most 10⁻⁶."
        " The figures are in the table below."
    )
    return "\n".join(
        [
            f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"'
            f' aria-label="{html.escape(label)}">',
            *chart.draw_counts(),
            *chart.draw_exponents(),
            *(chart.draw_bar(exponent, n) for exponent, n in bars.items() if n),
            *chart.draw_rules(),
            *chart.draw_bound(n_tested),
            "</svg>",
        ]
    )


class _Chart:
    """Coordinates of a histogram in its drawing."""

    def __init__(self, *, top: int) -> None:
        self._top = math.log10(top) * 1.04

    def _x(self, exponent: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * exponent / _END

    def _y(self, log10_n: float) -> float:
        share = (max(log10_n, _FLOOR) - _FLOOR) / (self._top - _FLOOR)
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * min(share, 1.0)

    def draw_counts(self) -> Iterable[str]:
        for power in range(int(self._top) + 1):
            y = self._y(power)
            yield (
                f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}"'
                f' y2="{y:.1f}"/><text class="tick end" x="{_LEFT - 8}" y="{y + 4:.1f}">'
                f"{format_count(10**power)}</text>"
            )

    def draw_exponents(self) -> Iterable[str]:
        y = _HEIGHT - _BOTTOM + 17
        for exponent in range(int(_LAST)):
            yield (
                f'<text class="tick mid" x="{self._x(exponent):.1f}" y="{y}">'
                f"{format_power(-exponent)}</text>"
            )
        yield (
            f'<text class="tick end" x="{_WIDTH - _RIGHT}" y="{y}">'
            f"≤ {format_power(-int(_LAST))}</text>"
            f'<text class="tick mid" x="{(_LEFT + _WIDTH) / 2:.0f}" y="{_HEIGHT - 6}">'
            "p-value, stronger evidence to the right</text>"
            f'<text class="tick" x="0" y="10">recordings</text>'
        )

    def draw_bar(self, exponent: float, n: int) -> str:
        if exponent >= -math.log10(FOUND_FPR):
            kind = "marked"
        else:
            kind = "suspected" if exponent >= -math.log10(SUSPECTED_FPR) else "other"
        # The last bar is open-ended; it stands apart from the scale.
        start, end = (exponent, exponent + _BIN) if exponent < _LAST else (_LAST + 0.4, _END)
        left, right = self._x(start) + 0.75, self._x(end) - 0.75
        top, ground = self._y(math.log10(n)), _HEIGHT - _BOTTOM
        return (
            f'<rect class="bar {kind}" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}"'
            f' height="{ground - top:.1f}"><title>{format_count(n)}</title></rect>'
        )

    def draw_rules(self) -> Iterable[str]:
        rules = ((SUSPECTED_FPR, "suspected"), (FOUND_FPR, "marked"))
        for fpr, word in rules:
            x = self._x(-math.log10(fpr))
            yield (
                f'<line class="rule" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 8}"'
                f' y2="{_HEIGHT - _BOTTOM}"/>'
                f'<text class="tick" x="{x + 5:.1f}" y="{_TOP}">{word} →</text>'
            )
        yield (
            f'<line class="ground" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}"'
            f' y1="{_HEIGHT - _BOTTOM}" y2="{_HEIGHT - _BOTTOM}"/>'
        )

    def draw_bound(self, n_tested: int) -> Iterable[str]:
        if n_tested < 1:
            return
        log10_n = math.log10(n_tested)
        end = min(log10_n - _FLOOR, _LAST)
        yield (
            f'<line class="bound" x1="{self._x(0):.1f}" y1="{self._y(log10_n):.1f}"'
            f' x2="{self._x(end):.1f}" y2="{self._y(log10_n - end):.1f}"/>'
        )


def read_segments(voice: Mapping[str, Any], *, seconds: float) -> list[tuple[float, float]]:
    """Return the times at which a voice is marked; invalid ones in a foreign table are dropped.

    Parameters
    ----------
    voice : mapping
        As in `Finding`.
    seconds : float
        Length of the recording.

    Returns
    -------
    segments : list of (float, float)
        Start and end times, in seconds, within the recording; at most 200.
    """
    pairs = _read_pairs(voice.get("segments_s"), most=_MOST_SEGMENTS)
    clipped = [(max(start, 0.0), min(end, seconds)) for start, end in pairs]
    return [(start, end) for start, end in clipped if end > start]


def _read_pairs(value: object, *, most: int) -> list[tuple[float, float]]:
    pairs = []
    for pair in list(value)[:most] if isinstance(value, list | tuple) else []:
        try:
            first, second = (float(one) for one in pair)
        except (TypeError, ValueError, OverflowError):
            continue
        if math.isfinite(first) and math.isfinite(second):
            pairs.append((first, second))
    return pairs


def draw_voice(voice: Mapping[str, Any], *, seconds: float) -> str:
    """Draw one voice over the length of its recording.

    Parameters
    ----------
    voice : mapping
        As in `Finding`: its segments as bands, its local score as a line over them.
    seconds : float
        Length of the recording.

    Returns
    -------
    svg : str
        Drawing that stretches to the width available.
    """
    segments = read_segments(voice, seconds=seconds)
    ground = _LANE_HEIGHT - _BAND
    parts = [
        f'<rect class="lane" x="0" y="{ground:g}" width="{_LANE_WIDTH:g}" height="{_BAND:g}"/>'
    ]
    for start, end in segments:
        left = _LANE_WIDTH * start / seconds
        width = max(_LANE_WIDTH * (end - start) / seconds, 1.0)
        parts.append(
            f'<rect class="wash" x="{left:.1f}" y="0" width="{width:.1f}" height="{ground:g}"/>'
            f'<rect class="band" x="{left:.1f}" y="{ground:g}" width="{width:.1f}"'
            f' height="{_BAND:g}"/>'
        )
    points = _place_points(voice, seconds=seconds, ground=ground)
    if len(points) > 1:
        parts.append(f'<polyline class="score" points="{" ".join(points)}"/>')
    said = ", ".join(f"{format_time(a)} to {format_time(b)}" for a, b in segments[:20])
    label = f"Marked from {said}" if said else "No segment could be located"
    more = f" and {len(segments) - 20} more segments" if len(segments) > 20 else ""
    return (
        f'<svg class="voice" viewBox="0 0 {_LANE_WIDTH:g} {_LANE_HEIGHT:g}" role="img"'
        f' preserveAspectRatio="none" aria-label="{label}{more}">{"".join(parts)}</svg>'
    )


def _place_points(voice: Mapping[str, Any], *, seconds: float, ground: float) -> list[str]:
    pairs = _read_pairs(voice.get("evidence"), most=_MOST_POINTS)
    if seconds <= 0:
        return []
    scale = max([_LEAST_SCALE, *(z for _, z in pairs)])
    return [
        f"{_LANE_WIDTH * t / seconds:.1f},{ground - (ground - 2.0) * max(z, 0.0) / scale:.1f}"
        for t, z in pairs
        if 0.0 <= t <= seconds
    ]
