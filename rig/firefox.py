"""Debian's Firefox, without a window, driven by WebDriver BiDi, which it speaks itself."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

__all__ = ["Firefox"]

_START_S = 60.0
_ANSWER_S = 60.0
_POLL_S = 0.2
_LISTENING = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
_PREFERENCES = {
    "browser.download.folderList": 2,
    "browser.download.always_ask_before_handling_new_types": False,
    "browser.shell.checkDefaultBrowser": False,
    "intl.accept_languages": "en-GB",
}
# No proxy answers at this port, so nothing that a page asks for can come from a network.
_OFFLINE = {
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
}


class Firefox:
    """A browser with an empty profile and one page; a context manager.

    Parameters
    ----------
    downloads : pathlib.Path
        Folder into which it saves.
    offline : bool
        Whether no server can be reached, this computer's own excepted.

    Attributes
    ----------
    asked : list of str
        Addresses of all requests so far.
    """

    def __init__(self, downloads: Path, *, offline: bool = True) -> None:
        self._downloads = downloads
        self._preferences = {**_PREFERENCES, **(_OFFLINE if offline else {})}
        self._stack = contextlib.ExitStack()
        # In a thread of its own, since Playwright may have a loop in the caller's.
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._number = 0
        self._context = ""
        self.asked: list[str] = []

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _start(self) -> None:
        path = shutil.which("firefox-esr")
        if path is None:
            raise RuntimeError("apt-get install firefox-esr")
        place = tempfile.TemporaryDirectory(prefix="firefox-", ignore_cleanup_errors=True)
        profile = Path(self._stack.enter_context(place))
        wanted = {**self._preferences, "browser.download.dir": str(self._downloads)}
        lines = [f"user_pref({json.dumps(key)}, {json.dumps(one)});" for key, one in wanted.items()]
        (profile / "user.js").write_text("\n".join(lines))
        log = profile / "log"
        with log.open("wb") as out:
            words = ["--headless", "--remote-debugging-port=0", "--profile", str(profile)]
            process = subprocess.Popen([path, *words], stdout=out, stderr=out)
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        deadline = time.monotonic() + _START_S
        while (found := _LISTENING.search(log.read_text(errors="replace"))) is None:
            if time.monotonic() > deadline or process.poll() is not None:
                raise RuntimeError(log.read_text(errors="replace")[-2000:])
            time.sleep(_POLL_S)
        self._run(self._connect(f"{found[1]}/session"))
        self.ask("session.new", capabilities={})
        self.ask("session.subscribe", events=["network.beforeRequestSent"])
        self._context = self.ask("browsingContext.getTree")["contexts"][0]["context"]

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - whatever it returns
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _connect(self, address: str) -> None:
        self._session = aiohttp.ClientSession()
        self._socket = await self._session.ws_connect(address, max_msg_size=0)

    async def _disconnect(self) -> None:
        if hasattr(self, "_socket"):
            await self._socket.close()
        await self._session.close()
        await asyncio.sleep(_POLL_S)  # aiohttp closes what lies below in a later turn of the loop

    def _close(self) -> None:
        if hasattr(self, "_session"):
            self._run(self._disconnect())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._stack.close()

    def ask(self, method: str, **parameters: Any) -> Any:  # noqa: ANN401 - as the protocol defines it
        """Send a command of WebDriver BiDi, and return its result."""
        return self._run(self._ask(method, parameters))

    async def _ask(self, method: str, parameters: dict[str, Any]) -> Any:  # noqa: ANN401 - as above
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        while True:
            message = await self._socket.receive_json(timeout=_ANSWER_S)
            if message.get("method") == "network.beforeRequestSent":
                self.asked.append(message["params"]["request"]["url"])
            if message.get("id") == self._number:
                if message["type"] == "error":
                    raise RuntimeError(f"{method}: {message['message']}")
                return message["result"]

    def open(self, address: str) -> None:
        """Open an address, and wait until it is loaded."""
        self.ask("browsingContext.navigate", context=self._context, url=address, wait="complete")

    def watch(self, function: str) -> None:
        """Call a function in every page that is opened from now on, before its own scripts run."""
        self.ask("script.addPreloadScript", functionDeclaration=function)

    def run(self, expression: str) -> Any:  # noqa: ANN401 - any value
        """Return the value of an expression in the page, awaited if it is a promise."""
        answer = self.ask(
            "script.evaluate",
            expression=f"(async () => JSON.stringify(await ({expression})))()",
            target={"context": self._context},
            awaitPromise=True,
        )
        if answer["type"] == "exception":
            raise RuntimeError(answer["exceptionDetails"]["text"])
        return json.loads(answer["result"].get("value", "null"))

    def wait(self, expression: str, *, within_s: float = 120.0) -> Any:  # noqa: ANN401 - any value
        """Return the value of an expression as soon as it is true."""
        deadline = time.monotonic() + within_s
        while not (found := self.run(expression)):
            if time.monotonic() > deadline:
                raise RuntimeError(f"not within {within_s:.0f} s: {expression}")
            time.sleep(_POLL_S)
        return found

    def press(self, selector: str, *keys: str) -> None:
        """Focus an element and press keys, one after the other; named ones as WebDriver's code."""
        self.run(f"document.querySelector({json.dumps(selector)}).focus()")
        steps = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.ask(
            "input.performActions",
            context=self._context,
            actions=[{"type": "key", "id": "keyboard", "actions": steps}],
        )

    def choose(self, selector: str, paths: Sequence[Path]) -> None:
        """Choose files in a field."""
        nodes = self.ask(
            "browsingContext.locateNodes",
            context=self._context,
            locator={"type": "css", "value": selector},
        )["nodes"]
        self.ask(
            "input.setFiles",
            context=self._context,
            element={"sharedId": nodes[0]["sharedId"]},
            files=[str(path) for path in paths],
        )
