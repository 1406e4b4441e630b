"""Debian's Firefox with the browser extension, and a microphone of the rig's audio server."""

from __future__ import annotations

import json
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
_BADGE = """(() => {
    const { ExtensionParent } = ChromeUtils.importESModule(
        "resource://gre/modules/ExtensionParent.sys.mjs");
    const { extension } = WebExtensionPolicy.getByID("IDENTIFIER");
    const { action } = ExtensionParent.apiManager.global.browserActionFor(extension);
    const { badgeText, title } = action.getContextData(gBrowser.selectedTab);
    return JSON.stringify([badgeText, title]);
})()"""

# The page that runs in the background has the storage.
_STORE = """(async () => {
    const { extension } = WebExtensionPolicy.getByID("IDENTIFIER");
    const { ExtensionStorageIDB } = ChromeUtils.importESModule(
        "resource://gre/modules/ExtensionStorageIDB.sys.mjs");
    const principal = ExtensionStorageIDB.getStoragePrincipal(extension);
    const storage = await ExtensionStorageIDB.open(principal, false);
    await storage.set(VALUES);
})()"""


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
        manifest = json.loads((extension / "manifest.json").read_text("utf-8"))
        self._identifier = manifest["browser_specific_settings"]["gecko"]["id"]
        self._preferences |= _PREFERENCES
        self._server = server
        self._pages = ExitStack()
        self.address = ""

    def __enter__(self) -> Self:
        self.address = self._pages.enter_context(serve_pages())
        # Its own windows tell what its button in the toolbar says.
        system = {"MOZ_REMOTE_ALLOW_SYSTEM_ACCESS": "1"}
        with patch.dict("os.environ", self._server.environment | system):
            super().__enter__()
        data = {"type": "path", "path": str(self._extension)}
        self.ask("webExtension.install", extensionData=data)
        time.sleep(_SETTLED_S)
        return self

    def store(self, values: dict[str, object]) -> None:
        """Store what the options page would."""
        self._ask_browser(_STORE.replace("VALUES", json.dumps(values)))

    def press_in_frame(self, key: str) -> None:
        """Press a key in the first frame of the page."""
        tree = self.ask("browsingContext.getTree", root=self._context)
        steps = [{"type": kind, "value": key} for kind in ("keyDown", "keyUp")]
        self.ask(
            "input.performActions",
            context=tree["contexts"][0]["children"][0]["context"],
            actions=[{"type": "key", "id": "keyboard", "actions": steps}],
        )

    def badge(self) -> tuple[str, str]:
        """Return the badge of the tab, and what the button in the toolbar says about it."""
        text, title = json.loads(self._ask_browser(_BADGE))
        return text, title

    def _ask_browser(self, expression: str) -> str:
        """Return the value of an expression in the browser's own window."""
        tree = self.ask("browsingContext.getTree", **{"moz:scope": "chrome"})
        answer = self.ask(
            "script.evaluate",
            expression=expression.replace("IDENTIFIER", self._identifier),
            target={"context": tree["contexts"][0]["context"]},
            awaitPromise=True,
        )
        if answer["type"] == "exception":
            raise RuntimeError(answer["exceptionDetails"]["text"])
        return str(answer["result"].get("value"))

    def __exit__(self, *details: object) -> None:
        super().__exit__(*details)
        self._pages.close()
