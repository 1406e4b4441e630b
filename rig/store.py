"""A store on this computer that can be slow, busy or stalled: moto's S3 behind a counter.

It runs in a process of its own, and what it has answered once to the reading of an object it keeps,
so that it takes little of the cores that it shares with what is measured: moto alone answers some
200 requests a second.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import threading
import time
import urllib.request
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from multiprocessing.connection import Connection

__all__ = ["Store"]

_READY_S = 60.0
_CONTROL = "/-/control"
_BUSY = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code>'
    b"<Message>Please reduce your request rate.</Message></Error>"
)
_LENGTH = "Content-Length"


class Store:
    """A store; a context manager.

    Attributes
    ----------
    url : str
        Its address, for ``AWS_ENDPOINT_URL``.
    """

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, os.getpid()), daemon=True)
        self._process.start()
        if not ours.poll(_READY_S):
            self.__exit__()
            raise RuntimeError(f"the store did not start in {_READY_S:.0f} s")
        self.url = f"http://127.0.0.1:{ours.recv()}"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()

    @property
    def environment(self) -> dict[str, str]:
        """What a program must have in its environment to use the store."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            # Neither the user's own configuration nor the cloud's is asked.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def behave(
        self,
        *,
        latency_s: float = 0.0,
        busy_share: float = 0.0,
        seed: int = 0,
        stalled: str = "",
    ) -> None:
        """Set how requests are answered from now on, and reset the counts.

        Parameters
        ----------
        latency_s : float
            Delay before every answer, in seconds.
        busy_share : float in [0, 1)
            Share of requests that are answered with 503, "SlowDown".
        seed : int
            Seed of their choice.
        stalled : str
            Requests whose path ends so are answered after ten minutes; empty for none.
        """
        settings = {"latency_s": latency_s, "busy_share": busy_share, "seed": seed}
        self._control({**settings, "stalled": stalled})

    def counts(self) -> dict[str, int]:
        """Return since `behave`: requests, how many of them read objects, bytes sent, and 503s."""
        return self._control({})

    @property
    def process(self) -> int:
        """Id of the store's own process."""
        return self._process.pid or 0

    def put(self, bucket: str, objects: dict[str, bytes]) -> None:
        """Store objects, by their keys; the bucket is made where it is not there."""
        self._send("PUT", f"/{bucket}")
        for key, data in objects.items():
            self._send("PUT", f"/{bucket}/{key}", data)

    def delete(self, bucket: str, key: str) -> None:
        """Take an object away."""
        self._send("DELETE", f"/{bucket}/{key}")

    def _send(self, method: str, path: str, data: bytes | None = None) -> bytes:
        request = urllib.request.Request(self.url + path, data=data, method=method)  # noqa: S310 - our own server
        request.add_header("Content-Type", "application/octet-stream")
        # Tells moto which of Amazon's services is meant; nothing checks who signed.
        request.add_header(
            "Authorization",
            "AWS4-HMAC-SHA256 Credential=testing/20260101/us-east-1/s3/aws4_request,"
            " SignedHeaders=host, Signature=0",
        )
        with urllib.request.urlopen(request, timeout=_READY_S) as answer:  # noqa: S310
            return bytes(answer.read())

    def _control(self, settings: dict[str, Any]) -> dict[str, int]:
        counts: dict[str, int] = json.loads(
            self._send("POST", _CONTROL, json.dumps(settings).encode())
        )
        return counts


class _Behaviour:
    """A WSGI application around moto's."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application = application
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[list[tuple[str, str]], bytes]] = {}
        self._set({"latency_s": 0.0, "busy_share": 0.0, "seed": 0, "stalled": ""})

    def _set(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._chance = random.Random(settings["seed"])  # noqa: S311 - no secret
        self._counts = {"n_requests": 0, "n_reads": 0, "n_bytes": 0, "n_busy": 0}

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        if path == _CONTROL:
            return self._answer_control(environ, start)
        is_read = method == "GET" and path.count("/") > 1 and not environ.get("QUERY_STRING")
        with self._lock:
            settings = self._settings
            is_busy = self._chance.random() < settings["busy_share"]
            self._counts["n_requests"] += 1
            self._counts["n_reads"] += is_read
            self._counts["n_busy"] += is_busy
        if settings["stalled"] and path.endswith(settings["stalled"]):
            time.sleep(600)
        if settings["latency_s"]:
            time.sleep(settings["latency_s"])
        if is_busy:
            # What was sent with the request must be read before the connection is used again.
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start("503 Slow Down", [(_LENGTH, str(len(_BUSY))), ("Content-Type", "text/xml")])
            return [_BUSY]
        if not is_read:
            if method in {"PUT", "DELETE"}:
                self._kept.pop(path, None)
            return self._application(environ, start)
        return self._answer_read(environ, start, path)

    def _answer_read(
        self, environ: dict[str, Any], start: Callable[..., Any], path: str
    ) -> Iterable[bytes]:
        wanted = environ.pop("HTTP_RANGE", "")
        if path not in self._kept:
            said: list[Any] = []
            body = b"".join(self._application(environ, lambda *args: said.extend(args)))
            if not said[0].startswith("200"):
                start(said[0], said[1])
                return [body]
            self._kept[path] = (said[1], body)
        headers, body = self._kept[path]
        headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
        status, first, last = "200 OK", 0, len(body) - 1
        if wanted.startswith("bytes="):
            begin, _, end = wanted.removeprefix("bytes=").partition("-")
            first = int(begin) if begin else len(body) - int(end)
            last = min(int(end), last) if begin and end else last
            status = "206 Partial Content"
            headers.append(("Content-Range", f"bytes {first}-{last}/{len(body)}"))
            headers = [(n, v) for n, v in headers if not n.lower().startswith("x-amz-checksum")]
        part = body[first : last + 1]
        with self._lock:
            self._counts["n_bytes"] += len(part)
        start(status, [*headers, (_LENGTH, str(len(part)))])
        return [part]

    def _answer_control(
        self, environ: dict[str, Any], start: Callable[..., Any]
    ) -> Iterable[bytes]:
        asked = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        with self._lock:
            body = json.dumps(self._counts).encode()
            if settings := json.loads(asked):
                self._set(settings)
        start("200 OK", [(_LENGTH, str(len(body)))])
        return [body]


def _serve(pipe: Connection, parent: int) -> None:
    import logging

    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)

    class Handler(WSGIRequestHandler):
        # Connections are used again, as with any real store.
        protocol_version = "HTTP/1.1"

    application = _Behaviour(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    pipe.send(server.server_port)
    while os.getppid() == parent:
        time.sleep(1)
