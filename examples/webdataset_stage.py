"""Leave out the samples of a WebDataset in which sound is marked, as they stream through.

    pip install webdataset "$(echo ./sottovoce-*.whl)[scan]"
    python examples/webdataset_stage.py 'shards/train-{000000..000015}.tar'

The stage goes before `decode`, since it needs the bytes as they are in the shard.  A sample is
dropped as a whole, with all its members.  Sound is decoded in the process that loads it, without a
guard: shards that can be scanned beforehand (`sottovoce scan shards/`) should be.  Run with
webdataset 1.0.2.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import webdataset

from sottovoce.scan import without_refused

if TYPE_CHECKING:
    from collections.abc import Iterable


def open_shards(urls: str | list[str]) -> Iterable[dict[str, Any]]:
    """Return the samples that may be trained on.

    For several nodes or loader workers add `nodesplitter` and `shardshuffle` as usual.
    """
    return webdataset.WebDataset(urls, shardshuffle=False).compose(without_refused)


def main() -> None:
    """Print the keys of the remaining samples."""
    for sample in open_shards(sys.argv[1]):
        print(sample["__key__"])


if __name__ == "__main__":
    main()
