"""Leave out marked sound in a job of Ray Data.

    pip install "$(echo ./sottovoce-*.whl)[ray]"
    python examples/ray_data.py clips/ kept/

Each process of Ray decodes in a child process of its own: a file that kills its decoder costs one
row, where Ray Data alone would repeat its batch forever.  For a job that only examines, `sottovoce
scan --ray` is better: it resumes where it was stopped, and pools short clips.  Run with Ray 2.60.0.
"""

from __future__ import annotations

import argparse

import ray
import ray.data
from ray.data.expressions import col

from sottovoce.scan import examine_batch


def keep_allowed(ds: ray.data.Dataset, *, column: str = "bytes") -> ray.data.Dataset:
    """Return the rows that may be trained on, with what was found in them."""
    examined = ds.map_batches(examine_batch, batch_size=64, fn_kwargs={"column": column})
    return examined.filter(expr=~col("refused"))


def main() -> None:
    """Copy a folder of audio into Parquet without the refused files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips")
    parser.add_argument("kept")
    parser.add_argument("--address", help="address of a cluster; 'local' starts one for this job")
    arguments = parser.parse_args()
    ray.init(address=arguments.address)
    ds = ray.data.read_binary_files(arguments.clips, include_paths=True)
    keep_allowed(ds).write_parquet(arguments.kept)


if __name__ == "__main__":
    main()
