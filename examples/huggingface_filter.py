"""Leave out marked sound from a data set of Hugging Face, in several processes.

    pip install datasets "$(echo ./sottovoce-*.whl)[scan]"
    python examples/huggingface_filter.py clips/*.flac

`Audio(decode=False)` passes bytes or paths as they are: none of their codecs is needed, and nothing
is decoded twice.  Run with datasets 5.2.0.
"""

from __future__ import annotations

import sys

import datasets

from sottovoce.scan import examine_batch, is_refused


def keep_allowed(ds: datasets.Dataset, *, num_proc: int | None = None) -> datasets.Dataset:
    """Return the rows that may be trained on; sound is decoded in the processes of `filter`."""
    ds = ds.cast_column("audio", datasets.Audio(decode=False))
    return ds.filter(lambda row: not is_refused(row), num_proc=num_proc)


def add_findings(ds: datasets.Dataset, *, num_proc: int | None = None) -> datasets.Dataset:
    """Return all rows and what was found in them; a file that kills its decoder costs one row."""
    ds = ds.cast_column("audio", datasets.Audio(decode=False))
    return ds.map(examine_batch, batched=True, batch_size=64, num_proc=num_proc)


def main() -> None:
    """Print which of the named files may be trained on, and why the others may not."""
    ds = datasets.Dataset.from_dict({"audio": sys.argv[1:]})
    for row in add_findings(ds, num_proc=2):
        print("refused" if row["refused"] else "allowed", row["status"], row["audio"]["path"])
    print(f"{len(keep_allowed(ds, num_proc=2))} of {len(ds)} may be trained on")


if __name__ == "__main__":
    main()
