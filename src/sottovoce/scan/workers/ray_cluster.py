"""A scan on a Ray cluster: the same workers on every node, and a driver that counts.

Recordings go out in blocks, one Ray task each, and at most a few for each processor are under way,
so that listing stays lazy and memory bounded.  Ray is not trusted to isolate crashes: every task
hands its block to a child process of its own, as a scan on one computer does (`pool`).  What does
kill a task itself, a node that goes away or the killer of processes that take too much memory, is
tried again by Ray a few times; what then is still missing is sent out again one recording at a
time, until each recording that went in has come out, once.

Ray Data is made for inputs that are all known beforehand, repeats a block whose worker dies for
ever or gives up the whole job, and may lose the rows beside a bad one without a word: see
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
"""Of blocks that carry their sound with them, which all lie in memory while they are under way."""
_BLOCK_S = 1.0
"""A block that has waited so long for more is sent as it is: listing may be slow."""
_BLOCKS_PER_CPU = 3
_TRIES = 3
"""Of a block by Ray; and of a recording by itself, after which it is given up."""
_LOOK_S = 5.0
"""Between looks at how large the cluster is, and whether its head answers."""
_HEADLESS_S = 20.0
"""Without a head, after which the scan gives up: Ray itself ends the process after a minute."""
_ASK_S = 0.05
"""Between looks at what is done, while recordings are still listed."""
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
        Read only as fast as the cluster takes them.  What is a finding already comes out at
        once, with None for its recording.
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
        In the order in which they are done; each recording exactly once, whatever happens to
        nodes.  One that ends every process that looks at it is *crashed*.

    Raises
    ------
    MissingExtraError
        If Ray is not installed.
    ClusterError
        If no cluster answers, its nodes have another release of sottovoce, or it goes away.

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
            # What is under way ends with the connection; where that stays, it is called off.
            if not is_ours:
                run.cancel()


class _Run:
    """Blocks that are under way, and the one that is being filled."""

    def __init__(self, ray: Any, limits: Limits, *, thorough: bool) -> None:  # noqa: ANN401 - a module
        self._ray = ray
        self._call = (limits, thorough)
        # Child processes isolate what a file does; Ray repeats what a machine does.
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
        """See how large the cluster is now, and that it still has a head."""
        now_s = time.monotonic()
        if now_s - self._looked_s < _LOOK_S:
            return
        self._looked_s = now_s
        try:
            _knock(self._head)
        except OSError as err:
            if now_s - self._answered_s > _HEADLESS_S:
                raise ClusterError(
                    f"the head of the cluster does not answer any more: {_reason(err)}",
                    remedy="The same command goes on from here once it is back.",
                ) from err
            return
        self._answered_s = now_s
        self._n_cpus = max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def add(self, recording: Recording) -> None:
        """Put a recording into the block, after sending that where it is worth the way."""
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
        # Of an array of samples, the place inside.
        place = getattr(recording.place, "place", recording.place)
        if isinstance(place, Inline):
            self._n_inline_bytes += len(place.data)
            # Bytes that were read in passing are not kept waiting for the next recording.
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
        """Send what there is."""
        if self._block:
            self._send(self._block)
        self._block, self._n_bytes, self._n_inline_bytes = [], 0, 0

    def _send(self, block: list[Recording]) -> None:
        reference = self._task.remote([seen_from_anywhere(one) for one in block], *self._call)
        self._under_way[reference] = block
        self._n_sent += 1

    def take(self, *, wait: bool) -> Iterator[tuple[Recording, Finding]]:
        """Yield what is done; wait until something is, where that is wanted."""
        now_s = time.monotonic()
        if not self._under_way or not (wait or now_s - self._asked_s > _ASK_S):
            return
        self._asked_s = now_s
        self._look()
        references = list(self._under_way)
        # The first wait is for one, and never long, so that an interrupt is heard.
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
                remedy=f"On every node, beside this release: {install_command('ray')}",
            ) from err
        except errors.RaySystemError as err:
            raise ClusterError(
                f"the cluster went away: {_reason(err)}",
                remedy="The same command goes on from here once it is back.",
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
                    message=f"every node that read it lost the process ({_reason(err)})",
                    remedy="Look at the file alone, on a machine of its own: sottovoce check FILE",
                    groups=recording.groups,
                ),
            )

    def _say_that_it_is_silent(self) -> None:
        if time.monotonic() - self._heard_s > _SILENCE_S:
            self._heard_s = time.monotonic()
            _logger.warning(
                "Nothing came from the cluster for %.0f s; are its processors taken by other jobs?",
                _SILENCE_S,
            )

    def cancel(self) -> None:
        """Give up what is under way."""
        for reference in self._under_way:
            # Not by force, which now and then ends this process from within Ray.
            self._ray.cancel(reference, force=False)
        self._under_way.clear()


@contextmanager
def _connected(ray: Any, address: str) -> Iterator[bool]:  # noqa: ANN401 - a module
    """Use the connection that there is, or make one until the end; say whether it was made."""
    if ray.is_initialized():
        yield False
        return
    # A scan tells nobody that it was made.
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
    with suppress(ValueError):  # only the main thread has a say
        # Ray's own would end this process without a word.
        signal.signal(signal.SIGTERM, before)
    try:
        yield True
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Raise OSError if nobody listens there: Ray itself would try for many minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK_S).close()


def _examine_block(
    block: list[Recording],
    limits: Limits,
    thorough: bool,  # noqa: FBT001 - Ray hands arguments over by position
) -> tuple[str, list[Finding]]:
    """Examine recordings in a child process, on whichever node this is."""
    import sottovoce

    pool = keep_pool(limits, thorough=thorough)
    findings = {finding.id: finding for _, finding in pool.examine(block)}
    return sottovoce.__version__, [findings[recording.id] for recording in block]


def _check_release(release: str) -> None:
    import sottovoce

    if release != sottovoce.__version__:
        raise ClusterError(
            f"a node has sottovoce {release}, and this computer {sottovoce.__version__}",
            remedy="Install the same release everywhere: findings of two are not alike.",
        )


def _reason(err: Exception) -> str:
    """Return what an error of Ray's says, in a line: it may hold pages of another process."""
    lines = [line.strip() for line in str(err).splitlines() if line.strip()]
    # A traceback of a task has what matters at its end.
    said = lines[-1] if lines and "Traceback" in str(err) else next(iter(lines), repr(err))
    return said[:300]
