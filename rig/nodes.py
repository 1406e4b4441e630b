"""A Ray cluster on this computer: every node has processes of its own, and can be killed alone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Self

__all__ = ["Nodes"]

_READY_S = 60.0
_STORE_BYTES = 100_000_000


class Nodes:
    """A head and nodes with one processor each; a context manager.

    Parameters
    ----------
    n_nodes : int
        With one processor each, the head among them.
    resting_head : bool
        Whether the head has no processor of its own, so that any that works may be killed.

    Attributes
    ----------
    address : str
        What a scan is given.
    """

    def __init__(self, n_nodes: int, *, resting_head: bool = False) -> None:
        self._n_nodes = n_nodes
        self._resting_head = resting_head
        self._stack = ExitStack()
        self._nodes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for number in reversed(range(len(self._nodes))):
            self.kill(number)
        self._stack.close()

    def _start(self) -> None:
        place = tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True)
        self._folder = Path(self._stack.enter_context(place))
        port = _free_port()
        self.address = f"127.0.0.1:{port}"
        n_cpus = 0 if self._resting_head else 1
        options = [f"--port={port}", "--include-dashboard=false", f"--temp-dir={self._folder}"]
        self._start_node(n_cpus, "--head", *options)
        self._wait_for(1)
        # One after the other: two that register at once may both fail.
        for _ in range(self._n_nodes - n_cpus):
            self.add()

    def _start_node(self, n_cpus: int, *options: str) -> None:
        # The nodes of one computer differ in their addresses; all of 127.0.0.0/8 are its own.
        where = f"--node-ip-address=127.0.0.{len(self._nodes) + 1}"
        with (self._folder / "nodes.log").open("ab") as log:
            node = subprocess.Popen(
                [
                    *(str(Path(sys.executable).with_name("ray")), "start", "--block", where),
                    *(f"--num-cpus={n_cpus}", f"--object-store-memory={_STORE_BYTES}"),
                    *("--disable-usage-stats", *options),
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,
                # A token that lies in the user's folder would be asked for otherwise.
                env={**os.environ, "RAY_AUTH_MODE": "disabled"},
            )
        self._nodes.append(node)

    def _wait_for(self, n_nodes: int) -> None:
        import ray

        end_s = time.monotonic() + _READY_S
        while time.monotonic() < end_s:
            try:
                host, port = self.address.split(":")
                socket.create_connection((host, int(port)), timeout=1.0).close()
                ray.init(self.address, log_to_driver=False, logging_level="ERROR")
            except (OSError, RuntimeError, ValueError):  # it is not there yet
                time.sleep(0.2)
                continue
            try:
                while time.monotonic() < end_s:
                    if sum(node["Alive"] for node in ray.nodes()) >= n_nodes:
                        return
                    time.sleep(0.1)
            finally:
                ray.shutdown()
        raise RuntimeError((self._folder / "nodes.log").read_text(errors="replace")[-2000:])

    def add(self) -> int:
        """Start another node, and return its number."""
        self._start_node(1, f"--address={self.address}")
        self._wait_for(sum(node.poll() is None for node in self._nodes))
        return len(self._nodes) - 1

    def kill(self, number: int) -> None:
        """End every process of a node at once, as a loss of power would."""
        node = self._nodes[number]
        for process in self.processes(number):
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        node.wait()

    def processes(self, number: int, name: str = "") -> list[int]:
        """Return the processes of a node, or those whose name begins so."""
        listing = subprocess.run(
            ["ps", "-o", "pid=,args=", "-s", str(self._nodes[number].pid)],
            capture_output=True,
            text=True,
            check=False,
        )
        rows = [line.split(None, 1) for line in listing.stdout.splitlines()]
        return [int(pid) for pid, arguments in rows if arguments.startswith(name)]


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
