"""A store in a process of its own: so much of S3 as reading needs, with a latency and refusals.

Test stores answer some two hundred requests a second, which would be all that is measured.  This
one keeps its objects in memory and answers thousands.  What it was asked is told at ``/.counts``.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import multiprocessing
import os
import random
import threading
import time
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["BUCKET", "Store", "running"]

BUCKET = "voices"
_DATE = "Wed, 25 Nov 2026 00:00:00 GMT"
_PAGE = 1000
_BUSY = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
_MISSING = b"<Error><Code>NoSuchKey</Code><Message>There is no such key.</Message></Error>"


class Store:
    """The store, seen from the process that measures.

    Parameters
    ----------
    address : str
        Where it listens.
    """

    def __init__(self, address: str) -> None:
        self.address = address

    def set(self, *, latency_ms: float = 0.0, busy: float = 0.0) -> None:
        """Choose latency and share of refusals, and begin to count anew."""
        self._ask(f"/.set?latency_ms={latency_ms}&busy={busy}")

    def counts(self) -> dict[str, int]:
        """Return requests, refusals and bytes since `set`."""
        counts: dict[str, int] = json.loads(self._ask("/.counts"))
        return counts

    def _ask(self, path: str) -> bytes:
        with urllib.request.urlopen(self.address + path) as answer:  # noqa: S310 - our own
            data: bytes = answer.read()
        return data


@contextmanager
def running(folder: Path) -> Iterator[Store]:
    """Serve the files of a folder as the objects of a bucket, and set what drivers look for."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(folder, there, os.getpid()), daemon=True)
    process.start()
    address = f"http://127.0.0.1:{here.recv()}"
    own = {"AWS_ENDPOINT_URL": address, "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "key"}
    own["AWS_DEFAULT_REGION"] = "us-east-1"
    before = {name: os.environ.get(name) for name in own}
    os.environ.update(own)
    try:
        yield Store(address)
    finally:
        process.terminate()
        process.join()
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _serve(folder: Path, pipe: Any, parent: int) -> None:  # noqa: ANN401 - multiprocessing's
    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    asyncio.run(_Server(folder).run(pipe))


class _Server:
    def __init__(self, folder: Path) -> None:
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        by_file: dict[int, bytes] = {}  # links are held once
        self.objects = {}
        for path in paths:
            number = path.stat().st_ino
            by_file.setdefault(number, path.read_bytes() if number not in by_file else b"")
            self.objects[str(path.relative_to(folder))] = by_file[number]
        self.tags = {id(data): hashlib.sha256(data).hexdigest()[:32] for data in by_file.values()}
        self.latency_s = self.busy = 0.0
        self._begin()

    def _begin(self) -> None:
        self.n = {"requests": 0, "refused": 0, "bytes": 0}
        self.chance = random.Random(0)  # noqa: S311 - no secret

    async def run(self, pipe: Any) -> None:  # noqa: ANN401 - multiprocessing's
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0, backlog=1000)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, target, _ = head[0].split(" ", 2)
                headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
                status, told, body = await self._answer(method, target, headers)
                lines = [f"HTTP/1.1 {status}", *(f"{name}: {one}" for name, one in told.items())]
                writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
                if method != "HEAD":
                    writer.write(body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(
        self, method: str, target: str, headers: dict[str, str]
    ) -> tuple[str, dict[str, str], bytes]:
        url = urlsplit(target)
        query = parse_qs(url.query, keep_blank_values=True)
        if url.path == "/.set":
            self.latency_s = float(query["latency_ms"][0]) / 1000
            self.busy = float(query["busy"][0])
            self._begin()
            return _answer(b"")
        if url.path == "/.counts":
            return _answer(json.dumps(self.n).encode())
        self.n["requests"] += 1
        if self.latency_s:
            await asyncio.sleep(self.latency_s)
        if self.chance.random() < self.busy:
            self.n["refused"] += 1
            return _answer(_BUSY, status="503 Slow Down")
        key = unquote(url.path).removeprefix(f"/{BUCKET}").removeprefix("/")
        if not key:
            return _answer(self._list(query))
        data = self.objects.get(key)
        if data is None:
            return _answer(_MISSING, status="404 Not Found")
        return self._give(method, data, headers.get("range", ""))

    def _give(self, method: str, data: bytes, part: str) -> tuple[str, dict[str, str], bytes]:
        told = {
            "ETag": f'"{self.tags[id(data)]}"',
            "Last-Modified": _DATE,
            "Accept-Ranges": "bytes",
        }
        status = "200 OK"
        n_all = len(data)
        if part:
            first, _, last = part.removeprefix("bytes=").partition("-")
            start, end = int(first), min(int(last or n_all) + 1, n_all)
            told["Content-Range"] = f"bytes {start}-{end - 1}/{n_all}"
            data, status = data[start:end], "206 Partial Content"
        if method == "GET":
            self.n["bytes"] += len(data)
        status, more, body = _answer(data, status=status, kind="application/octet-stream")
        return status, {**told, **more}, body

    def _list(self, query: dict[str, list[str]]) -> bytes:
        prefix = query.get("prefix", [""])[0]
        after = query.get("continuation-token", [""])[0]
        entries: dict[str, str] = {}
        for key, data in self.objects.items():
            if not key.startswith(prefix):
                continue
            folder, slash, _ = key[len(prefix) :].partition("/")
            name = f"{prefix}{folder}/" if slash and "delimiter" in query else key
            if name <= after:
                continue
            entries[name] = (
                f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>"
                if name.endswith("/")
                else f"<Contents><Key>{escape(name)}</Key><Size>{len(data)}</Size>"
                f'<ETag>"{self.tags[id(data)]}"</ETag>'
                "<LastModified>2026-11-25T00:00:00.000Z</LastModified></Contents>"
            )
            if len(entries) > _PAGE:
                break
        names = sorted(entries)
        more = len(names) > _PAGE
        names = names[:_PAGE]
        token = (
            f"<NextContinuationToken>{escape(names[-1])}</NextContinuationToken>" if more else ""
        )
        inside = "".join(entries[name] for name in names)
        return (
            f"<ListBucketResult><Name>{BUCKET}</Name><Prefix>{escape(prefix)}</Prefix>"
            f"<KeyCount>{len(names)}</KeyCount><MaxKeys>{_PAGE}</MaxKeys>"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{inside}</ListBucketResult>"
        ).encode()


def _answer(
    body: bytes, *, status: str = "200 OK", kind: str = "application/xml"
) -> tuple[str, dict[str, str], bytes]:
    return status, {"Content-Type": kind, "Content-Length": str(len(body))}, body
