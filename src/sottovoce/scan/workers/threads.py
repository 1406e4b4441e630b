"""`one_thread_each`: processes that leave the cores to each other."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["one_thread_each"]

_VARIABLES = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    # Otherwise each thread takes 64 MiB of an address space that is limited.
    "MALLOC_ARENA_MAX": "2",
    # Arrow's own takes a gigabyte of it beforehand, which a page of as much then lacks.
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Keep the matrix products of processes that are started from fighting for cores."""
    before = {name: os.environ.get(name) for name in _VARIABLES}
    os.environ.update(_VARIABLES)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
