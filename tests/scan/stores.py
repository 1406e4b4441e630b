"""A store on this computer, as wayward as real ones are: moto behind a front that can fail."""

from __future__ import annotations

import random
import threading
from contextlib import contextmanager

SLOW_DOWN = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code>'
    b"<Message>Please reduce your request rate.</Message></Error>"
)
DENIED = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code>'
    b"<Message>Access Denied</Message></Error>"
)


class Front:
    """An application that passes requests on, or fails them as it is told."""

    def __init__(self):
        # Late: only the whole test run installs moto, and every run collects this module.
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        self.inner = DomainDispatcherApplication(create_backend_app)
        self.lock = threading.Lock()
        self.reset()

    def reset(self):
        self.share_busy = 0.0
        self.denied = ""
        self.n_requests = self.n_busy = self.n_bytes = 0
        self.methods = []
        self.chance = random.Random(0)  # noqa: S311 - no secret

    def __call__(self, environ, start_response):
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        with self.lock:
            self.n_requests += 1
            is_busy = method in {"GET", "HEAD"} and self.chance.random() < self.share_busy
            self.n_busy += is_busy
            self.methods.append((method, path, environ.get("HTTP_RANGE", "")))
        body, status = SLOW_DOWN, "503 Slow Down"
        if not is_busy:
            if not self.denied or self.denied not in path or method == "PUT":
                return self.inner(environ, start_response)
            body, status = DENIED, "403 Forbidden"
        body = b"" if method == "HEAD" else body
        start_response(status, [("Content-Type", "text/xml"), ("Content-Length", str(len(body)))])
        return [body]


@contextmanager
def serving(application):
    """Serve an application at a free port, and yield its address."""
    from werkzeug.serving import make_server

    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
