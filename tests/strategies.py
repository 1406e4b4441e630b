"""Hypothesis strategies: notices, and audio of every awkward kind."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from sottovoce.core.payload import Notice

SAMPLING_RATES = (8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000)


@st.composite
def notices(draw: st.DrawFn) -> Notice:
    """Draw any notice."""
    return Notice(
        policy=draw(st.integers(0, 255)),
        year=draw(st.integers(2026, 2041)),
        owner_id=draw(st.integers(0, (1 << 48) - 1)),
    )


@st.composite
def signals(
    draw: st.DrawFn, *, min_samples: int = 1, max_samples: int = 6_000, max_channels: int = 3
) -> np.ndarray:
    """Draw silence, impulses, full scale, noise, tones and loud float audio, in any shape."""
    n = draw(st.integers(min_samples, max_samples))
    n_channels = draw(st.integers(0, min(max_channels, n)))  # 0 stands for shape (n,)
    dtype = draw(st.sampled_from((np.float32, np.float64)))
    kind = draw(st.sampled_from(("silence", "impulse", "square", "noise", "tone", "loud", "gaps")))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (n,) if n_channels == 0 else (n_channels, n)
    y = rng.standard_normal(shape) * 0.1
    if kind == "silence":
        y[:] = 0.0
    elif kind == "impulse":
        y[:] = 0.0
        y[..., n // 2] = 1.0
    elif kind == "square":
        y[:] = np.sign(np.sin(np.arange(n) * 0.05))
    elif kind == "tone":
        y[:] = np.sin(np.arange(n) * draw(st.floats(0.01, 3.0)))
    elif kind == "loud":
        y *= 30.0
    elif kind == "gaps":
        y[..., n // 3 : 2 * n // 3] = 0.0
    return y.astype(dtype)
