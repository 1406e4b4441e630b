"""The page for a web server: it can be installed, and works when the server is gone.

The page itself may reach no address here either.  The browser reads three files beside it: a
manifest and an icon, by which it can be installed, and a service worker, which keeps all of them.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from sottovoce.files.atomic import atomic_path

__all__ = ["write_site"]

_WEB = Path(__file__).with_name("web")
_BESIDE = ("manifest.webmanifest", "icon.svg")
_WORKER = "service_worker.js"


def write_site(page: bytes, folder: Path) -> None:
    """Write the page and what stands beside it.

    Parameters
    ----------
    page : bytes
        As built for a server.
    folder : pathlib.Path
        What the server shows; made if it is missing.  The files may lie at any address.

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    files = {name: (_WEB / name).read_bytes() for name in _BESIDE}
    # Browsers look for another service worker by its bytes: a new page makes a new one.
    version = hashlib.sha256(b"".join([page, *files.values()])).hexdigest()
    worker = (_WEB / _WORKER).read_text(encoding="utf-8").replace("{version}", version)
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in {**files, "index.html": page, _WORKER: worker.encode()}.items():
        with atomic_path(folder / name) as part:
            part.write_bytes(data)
