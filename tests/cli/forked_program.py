"""The command in a process of its own, forked from one that has imported the program.

To start Python and import NumPy takes longer than most of what the tests run.  A call is otherwise
what the installed command does: the same `main` with its own arguments, environment, folder,
standard streams and exit code.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_COSTLY = ("joserfc.jws", "jsonschema", "rich.console", "sottovoce.rights.grants")
"""What most calls import late."""
_TIMEOUT_S = 120.0
_MOST_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a call left."""

    code: int
    out: str
    err: str


class ForkedProgram:
    """Starts the process that others are forked from; close it at the end."""

    def __init__(self) -> None:
        self._memory = tempfile.TemporaryDirectory()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno()), self._memory.name],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                cwd=Path(__file__).parents[2],
            )
        self._socket.settimeout(_TIMEOUT_S)

    def run(
        self, arguments: list[str], *, folder: Path, environment: dict[str, str], typed: str | None
    ) -> Done:
        """Run the command; what is typed comes from a file."""
        with contextlib.ExitStack() as stack:
            stdin, out, err = (stack.enter_context(tempfile.TemporaryFile()) for _ in range(3))
            stdin.write((typed or "").encode())
            stdin.seek(0)
            request = {"arguments": arguments, "folder": str(folder), "environment": environment}
            fds = [file.fileno() for file in (stdin, out, err)]
            socket.send_fds(self._socket, [json.dumps(request).encode()], fds)
            pid = int(self._socket.recv(_MOST_BYTES))
            try:
                code = int(self._socket.recv(_MOST_BYTES))
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                self._socket.recv(_MOST_BYTES)
                raise
            return Done(code=code, out=_read(out), err=_read(err))

    def close(self) -> None:
        """End it."""
        self._socket.close()
        self._process.wait()
        self._memory.cleanup()


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    # As text mode does with what a pipe gives.
    return file.read().decode().replace("\r\n", "\n").replace("\r", "\n")


def serve(connection: socket.socket, memory: Path) -> None:
    """Fork one program after the other, until the tests have ended."""
    from sottovoce.cli import main

    for name in _COSTLY:
        importlib.import_module(name)
    hashlib.scrypt = remember(hashlib.scrypt, memory)  # type: ignore[assignment]
    gc.freeze()
    while True:
        message, fds, _, _ = socket.recv_fds(connection, _MOST_BYTES, 3)
        if not message:
            return
        child = os.fork()
        if not child:
            connection.close()
            _become(json.loads(message), fds)
            _end_with(main)
        for fd in fds:
            os.close(fd)
        connection.send(str(child).encode())
        _, status = os.waitpid(child, 0)
        connection.send(str(os.waitstatus_to_exitcode(status)).encode())


def remember(derive: Callable[..., bytes], folder: Path) -> Callable[..., bytes]:
    """Return a slow derivation that all calls together make once for the same arguments."""

    def look_up(password: bytes, **others: object) -> bytes:
        named = repr((password, sorted(others.items()))).encode()
        path = folder / hashlib.sha256(named).hexdigest()
        if not path.exists():
            new = path.with_suffix(f".{os.getpid()}")
            new.write_bytes(derive(password, **others))
            new.rename(path)
        return path.read_bytes()

    return look_up


def _become(request: dict[str, object], fds: list[int]) -> None:
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
        os.close(fd)
    os.chdir(str(request["folder"]))
    os.environ.clear()
    os.environ.update(request["environment"])  # type: ignore[call-overload]
    warnings.simplefilter("error", ResourceWarning)
    # Where the program asks what it is, it must not find the tests.
    script = Path(sys.executable).with_name("sottovoce")
    sys.argv = [str(script), *request["arguments"]]  # type: ignore[misc]
    sys.modules["__main__"] = ModuleType("__main__")
    sys.modules["__main__"].__file__ = str(script)


def _end_with(main: object) -> None:
    """Run it as Python runs a program to its end, with what is registered for that."""
    code = 1
    try:
        main()  # type: ignore[operator]
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - a copy of the server must not go on
        traceback.print_exc()
    sys.exit(code)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), Path(sys.argv[2]))
