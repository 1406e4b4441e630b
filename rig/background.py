"""What runs in a thread of its own, from entering a context to leaving it."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Background"]


class Background(ABC):
    """A context manager whose work is done by a thread until the context is left."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End."""
        self._stop.set()
        self._thread.join()
        self._close()

    @abstractmethod
    def _run(self) -> None:
        """Work until `_stop` is set."""

    @abstractmethod
    def _close(self) -> None:
        """Give back what the work needed."""
