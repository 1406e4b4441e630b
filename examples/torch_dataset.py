"""Leave out the recordings that a scan refuses, in a map-style data set of PyTorch.

    sottovoce scan clips/ -o scan-out
    python examples/torch_dataset.py scan-out clips/

The wrapper itself does not need torch: `DataLoader` asks a data set for its length and its items,
and so does every other loader.  Names must be spelled as they were scanned; a name that the scan
does not know is left out, like one that it refuses.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import soundfile as sf

from sottovoce.scan import load_allowed

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import numpy as np

Item = TypeVar("Item", covariant=True)


class MapStyle(Protocol[Item]):
    """What PyTorch calls a map-style data set."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Item: ...


class Allowed(Generic[Item]):
    """The items of a data set that may be trained on.

    Parameters
    ----------
    dataset : map-style data set
        Any data set; its order is kept.
    names : sequence of str
        The names of its items in the scan, one each: paths, for files.
    allowed : collection of str
        The result of `sottovoce.scan.load_allowed`.
    """

    def __init__(
        self, dataset: MapStyle[Item], names: Sequence[str], allowed: Collection[str]
    ) -> None:
        if len(names) != len(dataset):
            raise ValueError(f"{len(names)} names for {len(dataset)} items")
        self._dataset = dataset
        self._kept = [i for i, name in enumerate(names) if name in allowed]
        if names and not self._kept:
            raise ValueError(f"nothing is allowed; does the scan spell {names[0]!r} differently?")

    def __len__(self) -> int:
        return len(self._kept)

    def __getitem__(self, index: int) -> Item:
        return self._dataset[self._kept[index]]


class Clips:
    """Decoded files, as an example of a data set."""

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[str, np.ndarray]:
        y, _sr = sf.read(self.paths[index], dtype="float32")
        return self.paths[index], y


def main() -> None:
    """Load the allowed clips, in two processes."""
    from torch.utils.data import DataLoader

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scan", help="folder that a scan wrote")
    parser.add_argument("clips", help="folder that was scanned, spelled as it was then")
    arguments = parser.parse_args()
    paths = sorted(str(path) for path in Path(arguments.clips).rglob("*.flac"))
    dataset = Allowed(Clips(paths), paths, load_allowed(arguments.scan))
    print(f"{len(dataset)} of {len(paths)} clips may be trained on")
    for batch in DataLoader(dataset, batch_size=4, num_workers=2, collate_fn=list):
        for path, y in batch:
            print(path, len(y))


if __name__ == "__main__":
    main()
