"""A scan on a Ray cluster: the same workers on every node, and a driver that counts.

Recordings are sent in blocks, one Ray task each, with at most a few per processor in flight, so
that listing stays lazy and memory bounded.  Ray is not trusted to isolate crashes: every task
hands its block to a child process of its own, as a scan on one computer does (`pool`).  When
a task itself is killed, by the loss of a node or by the out-of-memory killer, Ray retries it a few
times; recordings that are still missing are then sent again one at a time, until each recording
has exactly one result.

Ray Data is made for inputs that are all known beforehand, repeats a block whose worker dies for
ever or gives up the whole job, and may silently lose the rows next to a bad one: see
`docs/scale.md` for what was measured with each.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from sottovoce.errors import ClusterError, MissingExtraError, install_command
from sottovoce.scan.finding import Finding
from sottovoce.scan.recording import Inline
from sottovoce.scan.stores.store import seen_from_anywhere
from sottovoce.scan.workers.batches import belong_together
from sottovoce.scan.workers.kept_pool import keep_pool

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sottovoce.scan.limits import Limits
    from sottovoce.scan.recording import Recording

__all__ = ["examine_on_cluster"]

_logger = logging.getLogger(__name__)

_LEAST_IN_BLOCK = 16
_MOST_IN_BLOCK = 512
_BLOCK_BYTES = 32 << 20
_INLINE_BYTES = 4 << 20
"""Maximum size of a block that carries its audio with it, and is in memory while in flight."""
_BLOCK_S = 1.0
"""Seconds after which a block is sent even if it is not full: listing may be slow."""
_BLOCKS_PER_CPU = 3
_TRIES = 3
"""Tries of a block by Ray, and of a single recording, after which it is given up."""
_LOOK_S = 5.0
"""Seconds between checks of the size of the cluster, and of its head."""
_HEADLESS_S = 20.0
"""Seconds without a head, after which the scan gives up: Ray ends the process after a minute."""
_ASK_S = 0.05
"""Seconds between checks for completed blocks, while recordings are still being listed."""
_SILENCE_S = 60.0
_KNOCK_S = 5.0


def examine_on_cluster(
    recordings: Iterable[Recording | Finding],
    *,
    address: str,
    limits: Limits,
    thorough: bool = False,
) -> Iterator[tuple[Recording | None, Finding]]:
    """Examine recordings on a Ray cluster, and yield each as soon as it is done.

    Parameters
    ----------
    recordings : iterable of Recording or Finding
        Consumed only as fast as the cluster takes them.  Findings are yielded at once, with None
        for the recording.
    address : str
        ``"host:port"`` of the cluster's head; ``"auto"`` is the one that runs on this computer
        or that the environment names (``RAY_ADDRESS``); ``"local"`` starts one for this scan.
    limits : Limits
        What one recording may cost.
    thorough : bool
        As in `sottovoce.detect`.

    Returns
    -------
    results : iterator of (Recording or None, Finding)
        In the order of completion; each recording exactly once, whatever happens to nodes.  One
        that ends every process that reads it is *crashed*.

    Raises
    ------
    MissingExtraError
        If Ray is not installed.
    ClusterError
        If no cluster answers, its nodes have another release of sottovoce, or it is lost.

    Notes
    -----
    Nodes read files themselves: paths must mean the same on all of them, as on a shared disk or
    in a store.
    """
    try:
        import ray
    except ImportError as err:
        raise MissingExtraError("ray", extra="ray", purpose="scan on a cluster") from err
    with _connected(ray, address) as is_ours:
        run = _Run(ray, limits, thorough=thorough)
        try:
            for one in recordings:
                if isinstance(one, Finding):
                    yield None, one
                else:
                    run.add(one)
                yield from run.take(wait=run.is_full)
            run.send()
            while run.is_busy:
                yield from run.take(wait=True)
        finally:
            # Blocks in flight end with the connection; if that is kept, they are cancelled.
            if not is_ours:
                run.cancel()


class _Run:
    """Blocks in flight, and the one being filled."""

    def __init__(self, ray: Any, limits: Limits, *, thorough: bool) -> None:  # noqa: ANN401 - a module
        self._ray = ray
        self._call = (limits, thorough)
        # Child processes contain the effects of a file; Ray retries after failures of a machine.
        self._task = ray.remote(num_cpus=1, max_retries=_TRIES - 1)(_examine_block)
        self._block: list[Recording] = []
        self._n_bytes = self._n_inline_bytes = 0
        self._began_s = 0.0
        self._n_sent = 0
        self._under_way: dict[Any, list[Recording]] = {}
        self._n_lost: dict[str, int] = {}
        self._n_cpus = 1
        self._head = ray.get_runtime_context().gcs_address
        self._answered_s = time.monotonic()
        self._looked_s = self._asked_s = float("-inf")
        self._heard_s = time.monotonic()
        self._look()

    @property
    def is_busy(self) -> bool:
        return bool(self._under_way)

    @property
    def is_full(self) -> bool:
        """Whether the cluster has enough to do."""
        return len(self._under_way) > _BLOCKS_PER_CPU * self._n_cpus

    def _look(self) -> None:
        """Check the current size of the cluster, and that it still has a head."""
        now_s = time.monotonic()
        if now_s - self._looked_s < _LOOK_S:
            return
        self._looked_s = now_s
        try:
            _knock(self._head)
        except OSError as err:
            if now_s - self._answered_s > _HEADLESS_S:
                raise ClusterError(
                    f"the head of the cluster no longer answers: {_reason(err)}",
                    remedy="Run the same command again once it is back; it resumes from here.",
                ) from err
            return
        self._answered_s = now_s
        self._n_cpus = max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def add(self, recording: Recording) -> None:
        """Add a recording to the block, after sending the block if it is large enough."""
        if (
            self._block
            and self._is_due()
            and not belong_together(self._block, self._n_bytes, recording)
        ):
            self.send()
        if not self._block:
            self._began_s = time.monotonic()
        self._block.append(recording)
        self._n_bytes += recording.n_bytes
        # For an array of samples, the place inside.
        place = getattr(recording.place, "place", recording.place)
        if isinstance(place, Inline):
            self._n_inline_bytes += len(place.data)
            # Bytes that can be read only once are not kept waiting for the next recording.
            if self._n_inline_bytes >= _INLINE_BYTES:
                self.send()

    def _is_due(self) -> bool:
        # Blocks grow, so that a small job too is spread over all nodes.
        rounds = self._n_sent // (_BLOCKS_PER_CPU * self._n_cpus)
        most = min(_LEAST_IN_BLOCK << min(rounds, 10), _MOST_IN_BLOCK)
        return (
            len(self._block) >= most
            or self._n_bytes >= _BLOCK_BYTES * most / _MOST_IN_BLOCK
            or time.monotonic() - self._began_s > _BLOCK_S
        )

    def send(self) -> None:
        """Send the current block."""
        if self._block:
            self._send(self._block)
        self._block, self._n_bytes, self._n_inline_bytes = [], 0, 0

    def _send(self, block: list[Recording]) -> None:
        reference = self._task.remote([seen_from_anywhere(one) for one in block], *self._call)
        self._under_way[reference] = block
        self._n_sent += 1

    def take(self, *, wait: bool) -> Iterator[tuple[Recording, Finding]]:
        """Yield completed results; with `wait`, wait until there are some."""
        now_s = time.monotonic()
        if not self._under_way or not (wait or now_s - self._asked_s > _ASK_S):
            return
        self._asked_s = now_s
        self._look()
        references = list(self._under_way)
        # The first wait is for one, and never long, so that an interrupt is handled.
        done, rest = self._ray.wait(references, timeout=0.5 if wait else 0)
        if done and rest:
            more, _ = self._ray.wait(rest, num_returns=len(rest), timeout=0)
            done = [*done, *more]
        if not done:
            self._say_that_it_is_silent()
        for reference in done:
            self._heard_s = time.monotonic()
            yield from self._open(self._under_way.pop(reference), reference)

    def _open(self, block: list[Recording], reference: Any) -> Iterator[tuple[Recording, Finding]]:  # noqa: ANN401 - Ray's
        errors = self._ray.exceptions
        try:
            release, findings = self._ray.get(reference)
        except errors.RayTaskError as err:
            raise ClusterError(
                f"a node cannot scan: {_reason(err)}",
                remedy=f"On every node, in addition to this release: {install_command('ray')}",
            ) from err
        except errors.RaySystemError as err:
            raise ClusterError(
                f"the cluster was lost: {_reason(err)}",
                remedy="Run the same command again once it is back; it resumes from here.",
            ) from err
        except errors.RayError as err:  # a worker, a node or what it returned is lost
            yield from self._try_again(block, err)
            return
        _check_release(release)
        yield from zip(block, findings, strict=True)

    def _try_again(
        self, block: list[Recording], err: Exception
    ) -> Iterator[tuple[Recording, Finding]]:
        _logger.info("%d recordings were lost and are sent again: %s", len(block), _reason(err))
        for recording in block:
            if len(block) > 1:
                self._send([recording])
                continue
            n_lost = self._n_lost.get(recording.id, 0) + 1
            self._n_lost[recording.id] = n_lost
            if n_lost < _TRIES:
                self._send([recording])
                continue
            yield (
                recording,
                Finding(
                    id=recording.id,
                    status="crashed",
                    message=f"the process that read it crashed on every node ({_reason(err)})",
                    remedy="Check the file on its own, on a separate machine: sottovoce check FILE",
                    groups=recording.groups,
                ),
            )

    def _say_that_it_is_silent(self) -> None:
        if time.monotonic() - self._heard_s > _SILENCE_S:
            self._heard_s = time.monotonic()
            _logger.warning(
                "No results from the cluster for %.0f s; are its processors busy with other jobs?",
                _SILENCE_S,
            )

    def cancel(self) -> None:
        """Cancel the blocks in flight."""
        for reference in self._under_way:
            # Not by force, which occasionally ends this process from within Ray.
            self._ray.cancel(reference, force=False)
        self._under_way.clear()


@contextmanager
def _connected(ray: Any, address: str) -> Iterator[bool]:  # noqa: ANN401 - a module
    """Use the existing connection, or make one until the end; yield whether it was made."""
    if ray.is_initialized():
        yield False
        return
    # A scan does not report its use to anyone.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    before = signal.getsignal(signal.SIGTERM)
    try:
        _knock(os.environ.get("RAY_ADDRESS", "") if address == "auto" else address)
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError, OSError) as err:
        raise ClusterError(
            f"no Ray cluster answers at {address!r}: {_reason(err)}",
            remedy="Start one with 'ray start --head', or scan without one (`cluster`).",
        ) from err
    with suppress(ValueError):  # only the main thread can set signal handlers
        # Ray's own handler would end this process silently.
        signal.signal(signal.SIGTERM, before)
    try:
        yield True
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Raise OSError if nothing listens there: Ray itself would try for many minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK_S).close()


def _examine_block(
    block: list[Recording],
    limits: Limits,
    thorough: bool,  # noqa: FBT001 - Ray passes arguments by position
) -> tuple[str, list[Finding]]:
    """Examine recordings in a child process on this node."""
    import sottovoce

    pool = keep_pool(limits, thorough=thorough)
    findings = {finding.id: finding for _, finding in pool.examine(block)}
    return sottovoce.__version__, [findings[recording.id] for recording in block]


def _check_release(release: str) -> None:
    import sottovoce

    if release != sottovoce.__version__:
        raise ClusterError(
            f"a node has sottovoce {release}, and this computer {sottovoce.__version__}",
            remedy="Install the same release everywhere: findings of two may differ.",
        )


def _reason(err: Exception) -> str:
    """Return the text of a Ray error in one line: it may hold pages of another process."""
    lines = [line.strip() for line in str(err).splitlines() if line.strip()]
    # A traceback of a task has the relevant part at its end.
    said = lines[-1] if lines and "Traceback" in str(err) else next(iter(lines), repr(err))
    return said[:300]
