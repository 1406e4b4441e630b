"""Debian's Firefox with the browser extension, and a microphone of the rig's audio server."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self
from unittest.mock import patch

from rig.extension import serve_pages
from rig.firefox import Firefox

if TYPE_CHECKING:
    from pathlib import Path

    from rig.server import AudioServer

__all__ = ["MarkingFirefox"]

_SETTLED_S = 2.0
_PREFERENCES = {
    "media.navigator.permission.disabled": True,
    # Candidates are names otherwise, which nobody answers for here.
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    "media.peerconnection.ice.loopback": True,
}


class MarkingFirefox(Firefox):
    """A browser with the extension, which is on everywhere; a context manager.

    Parameters
    ----------
    extension : pathlib.Path
        The unpacked extension, built with `rig.extension.GRANTED`.
    server : AudioServer
        Where its microphones are.
    folder : pathlib.Path
        Folder into which it saves.

    Attributes
    ----------
    address : str
        Where its call pages are.
    """

    def __init__(self, extension: Path, *, server: AudioServer, folder: Path) -> None:
        super().__init__(folder, offline=False)
        self._extension = extension
        self._preferences |= _PREFERENCES
        self._server = server
        self._pages = ExitStack()
        self.address = ""

    def __enter__(self) -> Self:
        self.address = self._pages.enter_context(serve_pages())
        with patch.dict("os.environ", self._server.environment):
            super().__enter__()
        data = {"type": "path", "path": str(self._extension)}
        self.ask("webExtension.install", extensionData=data)
        time.sleep(_SETTLED_S)
        return self

    def __exit__(self, *details: object) -> None:
        super().__exit__(*details)
        self._pages.close()
