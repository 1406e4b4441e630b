"""Films as people have them: how they are made, and what of them has to stay."""

from __future__ import annotations

from benchmarks.film_files.compare import compare_streams, describe_film
from benchmarks.film_files.recipes import FILMS, Film, make_film
from benchmarks.film_files.sync import measure_start, measure_sync

__all__ = [
    "FILMS",
    "Film",
    "compare_streams",
    "describe_film",
    "make_film",
    "measure_start",
    "measure_sync",
]
