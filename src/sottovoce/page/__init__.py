"""The browser page: one HTML file that protects and checks, with nothing installed.

It carries Python for WebAssembly, NumPy and this package itself, so that a browser runs the same
code as the command.  `python -m sottovoce.page.build` (`make page`) builds it.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["built_page"]


def built_page() -> Path | None:
    """Return the page that this installation was built with, or None.

    Returns
    -------
    path : pathlib.Path or None
        ``sottovoce.html``.
    """
    path = Path(__file__).with_name("built") / "sottovoce.html"
    return path if path.is_file() else None
