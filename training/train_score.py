"""Train the cell score: ``python -m training.train_score --out weights_v1.npz``.

Needs the extra `train` (torch) and the speech clips that `benchmarks.data.speech` names.  On one
core a run takes about ten minutes to make examples and twenty to train.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.data.speech import load_clips
from sottovoce.core.features import CONTEXT_FRAMES
from sottovoce.core.score import (
    GATE_FRAMES,
    N_DESCRIPTORS,
    N_FILTERS,
    N_GATE_BANDS,
    N_GATE_TAPS,
    N_HIDDEN,
    N_MAPS,
    N_TAP_BANDS,
    N_TAPS,
)
from sottovoce.core.wire_format import FORMAT_1
from training.examples import Example, make_examples

N_BANDS = FORMAT_1.n_bands
HARD = frozenset(
    (
        "noise_white",
        "noise_coloured",
        "noise_real",
        "babble",
        "talkers",
        "room",
        "opus",
        "opus_loss",
        "gsm",
        "telephone",
        "griffin_lim_mel",
        "world",
        "chain",
        "call",
    )
)
"""Attacks under which marks are lost; they count twice."""
WINDOW_CELLS = 40
WINDOW_FRAMES = WINDOW_CELLS * FORMAT_1.n_cell_frames + 8


class ScoreNetwork(torch.nn.Module):
    """The network of `sottovoce.core.score`, written the plain way."""

    def __init__(self) -> None:
        super().__init__()
        cycle = torch.zeros(N_TAPS)
        # The rhythm of a cell as it looks through the analysis window.
        centre = N_TAPS // 2
        cycle[centre - 2 : centre] = 0.25
        cycle[centre + 1 : centre + 3] = -0.25
        filters = 0.02 * torch.randn(N_FILTERS, N_TAP_BANDS, N_TAPS)
        filters[:, N_TAP_BANDS // 2] += cycle * torch.tensor([1.0, 2.0, 4.0, 8.0])[:, None]
        self.filters = torch.nn.Parameter(filters)
        self.outputs = torch.nn.Parameter(torch.full((N_FILTERS, N_BANDS), 0.5))
        maps = 0.1 * torch.randn(N_HIDDEN, N_MAPS, N_GATE_TAPS, N_GATE_BANDS)
        self.gate_maps = torch.nn.Parameter(maps)
        self.gate_biases = torch.nn.Parameter(torch.zeros(N_HIDDEN, N_BANDS))
        self.gate_descriptors = torch.nn.Parameter(0.1 * torch.randn(N_HIDDEN, N_DESCRIPTORS))
        self.gate_outputs = torch.nn.Parameter(0.1 * torch.randn(N_FILTERS, N_HIDDEN))
        self.gate_output_biases = torch.nn.Parameter(torch.zeros(N_FILTERS))

    def centred_filters(self) -> torch.Tensor:
        """Return the filters with zero mean over frames."""
        return self.filters - self.filters.mean(dim=2, keepdim=True)

    def forward(
        self,
        levels: torch.Tensor,
        maps: torch.Tensor,
        descriptors: torch.Tensor,
        n_usable: torch.Tensor,
    ) -> torch.Tensor:
        """Return scores, shape (batch, frames, bands), of frames without the context."""
        skip = CONTEXT_FRAMES - N_TAPS // 2
        x = levels[:, None, skip : levels.shape[1] - skip]
        kernel = self.centred_filters().transpose(1, 2)[:, None]
        seen = torch.nn.functional.conv2d(x, kernel, padding=(0, N_TAP_BANDS // 2))
        seen = seen * torch.rsqrt(1 + seen**2)
        skip = CONTEXT_FRAMES // GATE_FRAMES - N_GATE_TAPS // 2
        m = maps[:, :, skip : maps.shape[2] - skip]
        hidden = torch.nn.functional.conv2d(m, self.gate_maps, padding=(0, N_GATE_BANDS // 2))
        hidden = hidden + self.gate_biases[None, :, None]
        hidden = (
            hidden + torch.einsum("hd,nbd->nhb", self.gate_descriptors, descriptors)[:, :, None]
        )
        gates = torch.einsum("jh,nhtb->njtb", self.gate_outputs, torch.relu(hidden))
        gates = gates + self.gate_output_biases[None, :, None, None]
        gates = gates + torch.sqrt(gates**2 + 4)
        gates = gates.repeat_interleave(GATE_FRAMES, dim=2)
        scores = (seen * gates * self.outputs[None, :, None]).sum(dim=1)
        usable = torch.arange(N_BANDS)[None, :] < n_usable[:, None]
        return scores * usable[:, None]


class Sampler:
    """Draw windows of examples, group by group.

    Parameters
    ----------
    examples : list of Example
        All of one group.
    rng : np.random.Generator
        Source of the draws.
    """

    def __init__(self, examples: list[Example], rng: np.random.Generator) -> None:
        self._examples = examples
        self._rng = rng

    def draw(self, n: int) -> tuple[torch.Tensor, ...]:
        """Return n windows: levels, maps, descriptors, usable bands, frames, signs."""
        length = WINDOW_FRAMES + 2 * CONTEXT_FRAMES
        levels = np.zeros((n, length, N_BANDS), np.float32)
        maps = np.zeros((n, 2, length // 2, N_BANDS), np.float32)
        descriptors = np.zeros((n, N_BANDS, N_DESCRIPTORS), np.float32)
        usable = np.zeros(n, np.int64)
        frames = np.zeros((n, WINDOW_CELLS), np.int64)
        signs = np.zeros((n, WINDOW_CELLS, N_BANDS), np.float32)
        for i in range(n):
            example = self._examples[self._rng.integers(len(self._examples))]
            n_frames, n_bands = example.features.levels.shape[1:]
            start = 2 * int(self._rng.integers(0, max((n_frames - length) // 2, 1)))
            span = slice(start, start + length)
            got = example.features.levels[0, span]
            levels[i, : len(got), :n_bands] = got
            for m, values in enumerate((example.features.snrs, example.features.volatilities)):
                got = values[0, start // 2 : (start + length) // 2]
                maps[i, m, : len(got), :n_bands] = got
            descriptors[i, :n_bands] = example.features.descriptors[0]
            usable[i] = n_bands
            end = min(start + WINDOW_FRAMES, n_frames - 2 * CONTEXT_FRAMES)
            inside = np.flatnonzero((example.frames >= start) & (example.frames < end))
            inside = inside[:WINDOW_CELLS]
            frames[i, : len(inside)] = example.frames[inside] - start
            signs[i, : len(inside)] = example.signs[inside]
            signs[i, :, n_bands:] = 0
        arrays = (levels, maps, descriptors, usable, frames, signs)
        return tuple(torch.from_numpy(a) for a in arrays)


def group_loss(
    network: ScoreNetwork, batches: list[tuple[torch.Tensor, ...]], emphasis: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return minus the sum of the logarithms of each group's mean correlation, and the latter.

    Every window is normalised by itself, as a detector does: one with little sound counts as
    much as a loud one.
    """
    joined = [torch.cat(parts) for parts in zip(*batches, strict=True)]
    levels, maps, descriptors, usable, frames, signs = joined
    scores = network(levels, maps, descriptors, usable)
    picked = scores.gather(1, frames[:, :, None].expand(-1, -1, N_BANDS)) * signs.abs()
    agreement = (picked * signs).sum(dim=(1, 2))
    energy = (picked**2).sum(dim=(1, 2))
    count = signs.abs().sum(dim=(1, 2))
    correlation = agreement / torch.sqrt(energy * count + 1e-9)
    means = correlation.view(len(batches), -1).mean(dim=1)
    return -(emphasis * torch.log(means.clamp(min=1e-3))).sum(), means.detach()


def train(
    groups: dict[str, list[Example]], *, n_steps: int, n_windows: int, seed: int
) -> ScoreNetwork:
    """Fit the network with AdamW and a cosine schedule.

    Parameters
    ----------
    groups : dict of str to list of Example
        By attack; each counts by its relative gain, however weak.
    n_steps : int
        Steps.
    n_windows : int
        Windows of 40 cells drawn from each group in a step.
    seed : int
        Seed of initial values and draws.

    Returns
    -------
    network : ScoreNetwork
        Fitted.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = ScoreNetwork()
    samplers = {name: Sampler(examples, rng) for name, examples in groups.items()}
    emphasis = torch.tensor([2.0 if name in HARD else 1.0 for name in groups])
    optimiser = torch.optim.AdamW(network.parameters(), lr=4e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, n_steps)
    smoothed, began = None, time.monotonic()
    for step in range(n_steps):
        batches = [sampler.draw(n_windows) for sampler in samplers.values()]
        loss, correlation = group_loss(network, batches, emphasis)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        smoothed = correlation if smoothed is None else 0.98 * smoothed + 0.02 * correlation
        if step % 200 == 0 or step == n_steps - 1:
            report = " ".join(
                f"{name}={value:.3f}" for name, value in zip(samplers, smoothed, strict=True)
            )
            elapsed = time.monotonic() - began
            sys.stderr.write(f"step {step} {elapsed:.0f} s loss {loss.item():.2f} {report}\n")
    return network


def save(network: ScoreNetwork, path: Path) -> None:
    """Write the weights as the core reads them."""
    arrays = {name: value.detach().numpy() for name, value in network.named_parameters()}
    arrays["filters"] = network.centred_filters().detach().numpy()
    np.savez(path, **{name: value.astype(np.float32) for name, value in arrays.items()})


def main() -> None:
    """Make examples, train, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("weights_v1.npz"))
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3, help="draws of each attack a piece")
    parser.add_argument("--steps", type=int, default=6_000)
    parser.add_argument("--windows", type=int, default=4, help="windows a group and step")
    parser.add_argument("--jobs", type=int, default=2, help="processes that make examples")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    clips = [
        clip
        for clip in load_clips()
        if clip.half == "tune" and clip.permissive and clip.kind == "speech"
    ]
    groups: dict[str, list[Example]] = {}
    made = make_examples(
        clips, n_repeats=arguments.repeats, seed=arguments.seed, jobs=arguments.jobs
    )
    for example in made:
        groups.setdefault(example.attack, []).append(example)
    n = sum(map(len, groups.values()))
    sys.stderr.write(f"{len(clips)} clips, {len(groups)} attacks, {n} examples\n")
    network = train(
        groups, n_steps=arguments.steps, n_windows=arguments.windows, seed=arguments.seed
    )
    save(network, arguments.out)


if __name__ == "__main__":
    main()
