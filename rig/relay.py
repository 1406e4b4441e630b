"""A bad network between two ends on one machine: packets are lost, late and out of order.

The relay has two ports.  The first stands for one end, *a*: what *b* sends there goes out of the
second port to *a*; the second stands for *b* in the same way.  So each end knows the relay alone,
and nothing that one says reaches the other by another path.
"""

from __future__ import annotations

import heapq
import itertools
import select
import socket
import time
from dataclasses import dataclass

import numpy as np

from rig.background import Background

__all__ = ["Network", "Relay"]

_MOST_BYTES = 65_536
_WAIT_S = 0.1
_SIGMAS = 5.0
# Packets that are on their way when a call ends count as lost for the far end alone.
_MARGIN = 0.015


@dataclass(frozen=True, kw_only=True)
class Network:
    """How bad a network is.

    Attributes
    ----------
    loss : float in [0, 1)
        Share of the packets that are lost.
    burst : float > 1 or None
        Packets that are lost in a row, in the mean; None if each is lost by itself.  A chain of
        two states, after [1]_ with nothing passed in the bad one.
    delay_ms : float
        Mean way of a packet, in ms.
    jitter_ms : float, at most `delay_ms`
        Ways are even between `delay_ms` less and `delay_ms` more this, each packet's by itself, so
        that one overtakes the other.

    References
    ----------
    .. [1] Gilbert, E. N. "Capacity of a burst-noise channel."
       Bell System Technical Journal 39.5 (1960): 1253-1265.
    """

    loss: float = 0.0
    burst: float | None = None
    delay_ms: float = 100.0
    jitter_ms: float = 0.0


class _Way:
    """What happens to the packets in one direction, and how many of them were sound."""

    def __init__(self, network: Network, rng: np.random.Generator) -> None:
        self.n_passed = 0
        self.n_lost = 0
        self._network = network
        self._rng = rng
        self._bad = False

    def delay_s(self, packet: bytes) -> float | None:
        """Return how long a packet is on its way, or None if it is lost."""
        network = self._network
        if network.burst is None:
            self._bad = self._rng.random() < network.loss
        elif self._bad:
            self._bad = self._rng.random() >= 1 / network.burst
        else:
            # In balance as many bursts begin as end: (1 - loss) * begin = loss / burst
            begin = network.loss / (network.burst * (1 - network.loss))
            self._bad = self._rng.random() < begin
        delay_ms = network.delay_ms + network.jitter_ms * self._rng.uniform(-1, 1)
        if _is_sound(packet):
            self.n_lost += self._bad
            self.n_passed += not self._bad
        return None if self._bad else delay_ms / 1000


class Relay(Background):
    """Carry packets between two ends, from entering the context to leaving it.

    Parameters
    ----------
    network : Network
        How bad it is, in each direction.
    rng : np.random.Generator
        Chance: which packets are lost and how late each is.

    Attributes
    ----------
    network : Network
        As given.
    ports : tuple of int
        What stands for *a* and for *b*, on 127.0.0.1.
    """

    def __init__(self, network: Network, rng: np.random.Generator) -> None:
        super().__init__()
        self.network = network
        self._sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for each in self._sockets:
            each.bind(("127.0.0.1", 0))
        self.ports: tuple[int, int] = tuple(each.getsockname()[1] for each in self._sockets)  # type: ignore[assignment]
        # By the port where packets come in: the first has what b sends, the second what a sends.
        self._ways = [_Way(network, rng) for _ in range(2)]
        self._ends: list[tuple[str, int] | None] = [None, None]

    def _close(self) -> None:
        for each in self._sockets:
            each.close()

    def _run(self) -> None:
        counter = itertools.count()  # no two packets of one moment are compared by their bytes
        due: list[tuple[float, int, int, bytes]] = []
        while not self._stop.is_set():
            wait_s = min(_WAIT_S, due[0][0] - time.monotonic()) if due else _WAIT_S
            for ready in select.select(self._sockets, [], [], max(wait_s, 0.0))[0]:
                came_in = self._sockets.index(ready)
                packet, sender = ready.recvfrom(_MOST_BYTES)
                # An end tries every address that it has; only its first is taken, so that answers
                # go to where the question came from.
                self._ends[came_in] = self._ends[came_in] or sender
                if self._ends[came_in] != sender:
                    continue
                delay_s = self._ways[came_in].delay_s(packet)
                if delay_s is not None:
                    moment = time.monotonic() + delay_s
                    heapq.heappush(due, (moment, next(counter), came_in, packet))
            while due and due[0][0] <= time.monotonic():
                _, _, came_in, packet = heapq.heappop(due)
                self._pass_on(packet, came_in)

    def _pass_on(self, packet: bytes, came_in: int) -> None:
        """Send a packet out of the other port, to the end that sends there."""
        end = self._ends[1 - came_in]
        if end is not None:
            self._sockets[1 - came_in].sendto(packet, end)

    def check(self, *, n_received: int, n_lost: int) -> None:
        """Compare what *b* counted of *a*'s sound with what was passed on to it.

        Raises
        ------
        RuntimeError
            If the two have another path than this, or the share lost is not that of the network.
        """
        way = self._ways[1]
        n = way.n_passed + way.n_lost
        if n == 0 or abs(n_received - way.n_passed) > _MARGIN * n + 25:
            raise RuntimeError(f"{n_received} packets came, {way.n_passed} by way of the relay")
        share = n_lost / max(n_lost + n_received, 1)
        if abs(share - way.n_lost / n) > _MARGIN:
            raise RuntimeError(f"{share:.1%} are lost, {way.n_lost / n:.1%} by the relay")
        loss, burst = self.network.loss, self.network.burst or 1.0
        # Losses in a row count as one: the variance is that of independent ones times 2 burst - 1.
        sigma = np.sqrt(loss * (1 - loss) * (2 * burst - 1) / n)
        if abs(share - loss) > _SIGMAS * sigma + _MARGIN:
            raise RuntimeError(f"{share:.1%} are lost, not {loss:.1%}")


def _is_sound(packet: bytes) -> bool:
    """Whether a packet is RTP: version 2, and of no type that RTCP has (RFC 5761, section 4)."""
    return len(packet) > 1 and packet[0] >> 6 == 2 and not 192 <= packet[1] <= 223
