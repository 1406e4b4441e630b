"""Unmarked audio made to break a detector: loops, clicks, gates and marks in step with the pattern.

Each is a function of a generator alone and knows nothing of the public signs, so the bound on
p-values holds for it as for speech.  It is where other detectors fail: one that normalises before
folding finds a mark in every loop of the period, one that is calibrated on speech in every gate at
the rate of the chips.  Everything is 61.44 s, 24 periods, at 16 kHz.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from benchmarks.harness.harness import rng_for, shipped_clip
from sottovoce.core.embedding import FrameEmbedder, SignSource
from sottovoce.core.pattern import SYNC, make_roles, make_sync_signs
from sottovoce.core.payload import Notice
from sottovoce.core.wire_format import FORMAT_1, STRENGTHS_DB

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["NULLS", "SR_HZ", "make_null", "modulate"]

SR_HZ = 16_000
_N_PERIODS = 24
_FRAME = round(FORMAT_1.frame_s * SR_HZ)
_CHIP = 2 * _FRAME
_CELL = FORMAT_1.n_cell_frames * _FRAME
_PERIOD = FORMAT_1.n_cells * _CELL
_SUPERFRAME = FORMAT_1.n_periods * _PERIOD
_N = _N_PERIODS * _PERIOD
_STEP = np.float32(2.0**-15)

Audio = npt.NDArray[np.float32]
Signs = npt.NDArray[np.int8]


def make_null(name: str, *, seed: int = 0) -> Audio:
    """Return the audio of one entry of `NULLS`: float32, shape (983,040,), within full scale."""
    y = NULLS[name](rng_for(seed, "null", name))
    return np.clip(y, -1.0, 1.0).astype(np.float32)


def _noise(rng: np.random.Generator, n: int = _N, level: float = 0.1) -> Audio:
    return (level * rng.standard_normal(n)).astype(np.float32)


def _speech(n: int = _N) -> Audio:
    y, _ = shipped_clip()
    return np.resize(y, n)


def _time(n: int = _N) -> npt.NDArray[np.float64]:
    return np.arange(n) / SR_HZ


def _clicks(every: int, *, length: int = 1, n: int = _N) -> Audio:
    y = np.zeros(n, dtype=np.float32)
    for place in range(length):
        y[place::every] = 0.5 if place % 2 == 0 else -0.5
    return y


def _dither(rng: np.random.Generator, n: int = _N) -> Audio:
    """Return one step of triangular dither, rounded to 16 bits."""
    steps = rng.uniform(-0.5, 0.5, n) + rng.uniform(-0.5, 0.5, n)
    return (_STEP * np.round(steps)).astype(np.float32)


def _gate(rng: np.random.Generator, every: int) -> Audio:
    """Return noise that is on and off in turn."""
    return _noise(rng) * ((np.arange(_N) // every) % 2 == 0)


def _random_gate(rng: np.random.Generator, every: int) -> Audio:
    return _noise(rng) * rng.integers(0, 2, _N // every).repeat(every)


def modulate(y: Audio, cells: Signs, *, strength_db: float) -> Audio:
    """Raise and lower bands in the rhythm of a mark, with signs of shape (n_cells, n_bands)."""
    embedder = FrameEmbedder(sr=SR_HZ, strength_db=strength_db)
    n_frames = len(y) // _FRAME - 1
    chips = np.asarray(FORMAT_1.chip_signs, dtype=np.int8)
    signs = (cells[:, None] * chips[:, None]).reshape(-1, FORMAT_1.n_bands)[:n_frames]
    views = np.lib.stride_tricks.sliding_window_view(y, 2 * _FRAME)[::_FRAME][:n_frames]
    windows = embedder.windows(np.full(n_frames + 1, _FRAME, dtype=np.int64))
    added = embedder.difference(np.ascontiguousarray(views), windows, signs)
    out = y.copy()
    out[:-_FRAME] += added[:, :_FRAME].ravel()
    out[_FRAME:] += added[:, _FRAME : 2 * _FRAME].ravel()
    return out


def _secret_cells(rng: np.random.Generator, n_cells: int) -> Signs:
    return rng.choice(np.array([-1, 1], np.int8), (n_cells, FORMAT_1.n_bands))


def _secret_period(rng: np.random.Generator, *, strength_db: float, speech: bool = False) -> Audio:
    """Return a mark with secret signs in all cells, the same in each period."""
    cells = np.tile(_secret_cells(rng, FORMAT_1.n_cells), (_N_PERIODS, 1))
    return modulate(_speech() if speech else _noise(rng), cells, strength_db=strength_db)


def _secret_fresh(rng: np.random.Generator) -> Audio:
    cells = _secret_cells(rng, _N_PERIODS * FORMAT_1.n_cells)
    return modulate(_noise(rng), cells, strength_db=6.0)


def _all_bands_as_one(rng: np.random.Generator) -> Audio:
    """Return noise whose level follows one secret sign a cell, equal in all bands and periods."""
    cells = np.tile(_secret_cells(rng, FORMAT_1.n_cells)[:, :1], (_N_PERIODS, FORMAT_1.n_bands))
    return modulate(_noise(rng), cells, strength_db=6.0)


def _sawtooth_cells(rng: np.random.Generator) -> Audio:
    """Return noise that is loud, then soft in every cell: every sign +1."""
    cells = np.ones((_N_PERIODS * FORMAT_1.n_cells, FORMAT_1.n_bands), dtype=np.int8)
    return modulate(_noise(rng), cells, strength_db=6.0)


def _other_owner(rng: np.random.Generator, sync: Signs | None) -> Audio:
    """Return speech with somebody's data and seal; sync cells as given, or ever fresh ones."""
    notice = Notice(owner_id=int(rng.integers(1, 2**48)))
    source = SignSource(notice, seal_key=rng.bytes(32))
    n = _N_PERIODS // FORMAT_1.n_periods
    cells = np.concatenate([source.superframe(i) for i in range(n)])
    own = _secret_cells(rng, _N_PERIODS * FORMAT_1.n_cells).reshape(cells.shape)
    cells = np.where(make_roles() == SYNC, own if sync is None else sync, cells)
    strength_db = STRENGTHS_DB["strong"]
    return modulate(_speech(), cells.reshape(-1, FORMAT_1.n_bands), strength_db=strength_db)


def _decoy_mark(rng: np.random.Generator) -> Audio:
    """Return speech marked under another label."""
    return _other_owner(rng, make_sync_signs(f"somebody else's mark {rng.integers(2**32)}"))


def _bar(rng: np.random.Generator) -> Audio:
    """Return sixteen steps of 160 ms, the length of a period: drums, a bass and a chord."""
    y = np.zeros(_PERIOD, dtype=np.float64)
    step = _PERIOD // 16
    t = _time(step)
    for number in range(16):
        part = y[number * step : (number + 1) * step]
        if number % 4 == 0:
            part += 0.3 * np.sin(2 * np.pi * 60 * t) * np.exp(-t / 0.05)
        if number % 8 == 4:
            part += 0.1 * rng.standard_normal(step) * np.exp(-t / 0.03)
        part += 0.03 * rng.standard_normal(step) * np.exp(-t / 0.01)
        note = 110.0 * 2 ** (rng.integers(0, 12) / 12)
        for harmonic in range(1, 20):
            tone = np.sin(2 * np.pi * note * harmonic * t + rng.uniform(0, 2 * np.pi))
            part += 0.08 / harmonic * tone * np.exp(-t / 0.1)
    return y.astype(np.float32)


def _music(rng: np.random.Generator) -> Audio:
    """Return four bars that come again and again, one of them changed each time."""
    bars = [_bar(rng) for _ in range(4)]
    parts = []
    for number in range(_N_PERIODS):
        if number % 4 == 3:
            bars[3] = _bar(rng)
        parts.append(bars[number % 4])
    return np.concatenate(parts)


def _tones(frequencies_hz: npt.ArrayLike, level: float = 0.05) -> Audio:
    t = _time()
    y = np.zeros(_N)
    for frequency in np.atleast_1d(frequencies_hz):
        y += np.sin((2 * np.pi * frequency) * t)
    return (level * y).astype(np.float32)


def _sweep(period: int) -> Audio:
    """Return a logarithmic sweep from 100 Hz to 7.5 kHz that starts again every `period`."""
    t = _time(period)
    rate = np.log(75.0) / (period / SR_HZ)
    return np.resize(0.3 * np.sin(2 * np.pi * 100.0 / rate * (np.exp(rate * t) - 1)), _N)


def _impulse(rng: np.random.Generator, *, dithered: bool) -> Audio:
    y = _dither(rng) if dithered else np.zeros(_N, dtype=np.float32)
    y[_N // 2 + int(rng.integers(_PERIOD))] = 1.0
    return y


def _am_tone(every: int) -> Audio:
    """Return a harmonic tone that is turned on and off in turn."""
    return _tones(110.0 * np.arange(1, 60), 0.01) * ((np.arange(_N) // every) % 2 == 0)


NULLS: dict[str, Callable[[np.random.Generator], npt.NDArray[np.floating]]] = {
    "speech, looped every period": lambda _: np.resize(_speech()[8_000 : 8_000 + _PERIOD], _N),
    "speech, looped every superframe": lambda _: np.resize(_speech()[:_SUPERFRAME], _N),
    "noise, looped every period": lambda rng: np.resize(_noise(rng, _PERIOD), _N),
    "noise, looped every superframe": lambda rng: np.resize(_noise(rng, _SUPERFRAME), _N),
    "noise bursts of a frame, looped": lambda rng: np.resize(
        np.concatenate([_noise(rng, _FRAME), np.zeros(_PERIOD - _FRAME, np.float32)]), _N
    ),
    "click, every period": lambda _: _clicks(_PERIOD),
    "click in dither, every period": lambda rng: _clicks(_PERIOD) + _dither(rng),
    "clicks, every cell": lambda _: _clicks(_CELL),
    "clicks, every chip": lambda _: _clicks(_CHIP),
    "clicks, every frame": lambda _: _clicks(_FRAME),
    "clicks, every cell and 3 samples": lambda _: _clicks(_CELL + 3),
    "clicks at random, looped": lambda rng: np.resize(
        0.5 * (rng.uniform(size=_PERIOD) < 0.002), _N
    ),
    "tone of 1 kHz": lambda _: _tones(1_000.0),
    "tones, one in each band": lambda _: _tones(np.geomspace(290, 6_900, 20), 0.02),
    "tones that beat once a cell": lambda _: _tones(
        np.concatenate([f + np.array([0, SR_HZ / _CELL]) for f in np.geomspace(290, 6_900, 20)]),
        0.01,
    ),
    "sweep, every period": lambda _: _sweep(_PERIOD),
    "sweep, every superframe": lambda _: _sweep(_SUPERFRAME),
    "harmonic tone, gated every chip": lambda _: _am_tone(_CHIP),
    "harmonic tone, gated every cell": lambda _: _am_tone(_CELL),
    "noise, gated every chip": lambda rng: _gate(rng, _CHIP),
    "noise, gated every cell": lambda rng: _gate(rng, _CELL),
    "noise, gated at random by chips": lambda rng: _random_gate(rng, _CHIP),
    "noise, gated at random by cells": lambda rng: _random_gate(rng, _CELL),
    "noise, loud and soft in every cell": _sawtooth_cells,
    "noise, one secret sign a cell": _all_bands_as_one,
    "noise, secret signs, every period": lambda rng: _secret_period(rng, strength_db=6.0),
    "noise, secret signs, 20 dB": lambda rng: _secret_period(rng, strength_db=20.0),
    "noise, secret signs, never again": _secret_fresh,
    "speech, secret signs, every period": lambda rng: _secret_period(
        rng, strength_db=STRENGTHS_DB["standard"], speech=True
    ),
    "speech, marked under another label": _decoy_mark,
    "speech, another's data and seal": lambda rng: _other_owner(rng, None),
    "digital silence": lambda _: np.zeros(_N, dtype=np.float32),
    "constant (DC)": lambda _: np.full(_N, 0.5, dtype=np.float32),
    "dithered silence": _dither,
    "square wave of 100 Hz": lambda _: 0.5 * np.sign(_tones(100.3)),
    "square wave, every cell": lambda _: 0.5 - (np.arange(_N) // (_CELL // 2)) % 2,
    "square wave, full scale at Nyquist": lambda _: 1.0 - 2.0 * (np.arange(_N) % 2),
    "single impulse": lambda rng: _impulse(rng, dithered=False),
    "single impulse in dither": lambda rng: _impulse(rng, dithered=True),
    "speech, clipped at full scale": lambda _: np.clip(100.0 * _speech(), -1.0, 1.0),
    "noise, clipped at full scale": lambda rng: np.clip(_noise(rng, level=30.0), -1.0, 1.0),
    "music, a bar is a period": _music,
    "music, one bar, looped": lambda rng: np.resize(_bar(rng), _N),
}
