"""`sottovoce mic install`, `uninstall`, `status`: start the microphone at login."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sottovoce.cli import _output
from sottovoce.cli._notice import NO_SEAL, OWNER, POLICY, choose_notice
from sottovoce.cli._options import JSON, examples, strength_option
from sottovoce.cli._words import format_path
from sottovoce.files.counts import say_count
from sottovoce.files.notices import describe_notice

if TYPE_CHECKING:
    from sottovoce.live.systemd import ServiceStatus

__all__ = ["install", "status", "uninstall"]


@click.command(
    epilog=examples(
        "sottovoce mic install",
        "sottovoce mic install --make-default        makes it the default microphone",
        "sottovoce mic install --device headset      a part of its name is enough",
    )
)
@strength_option("strong")
@click.option(
    "--device",
    metavar="NAME",
    help="Hardware microphone to use; a part of its name is enough.  [default: the default"
    " microphone]",
)
@OWNER
@POLICY
@NO_SEAL
@click.option("--make-default", is_flag=True, help="Make Sottovoce the default microphone.")
def install(
    *,
    strength_db: float,
    device: str | None,
    owner: str | None,
    policy: str,
    no_seal: bool,
    make_default: bool,
) -> None:
    """Start the microphone Sottovoce automatically at login, without a terminal.

    It works only while a program records from it: until then your own microphone is left alone, and
    hardly any power is used.  A notification appears when a call begins without the mark.

    Run the command again to restart the microphone with other options.  Needs systemd.
    """
    from sottovoce.live import systemd
    from sottovoce.rights import format_owner_id

    notice = choose_notice(owner=owner, policy=policy)
    options = ["--notify", "--strength", f"{strength_db:g}", "--policy", policy]
    options += ["--owner", format_owner_id(notice.owner_id) if notice.owner_id else "anonymous"]
    options += ["--device", device] if device is not None else []
    options += ["--no-seal"] if no_seal else []
    options += ["--make-default"] if make_default else []
    path = systemd.install(options)
    _output.result("The microphone Sottovoce is running, and starts at every login.")
    _output.result(f"What it says: {describe_notice(notice)}.")
    _output.explain(f"The unit is {format_path(path)}; `sottovoce mic status` shows its status.")


@click.command(epilog=examples("sottovoce mic uninstall"))
def uninstall() -> None:
    """Remove the microphone, and no longer start it at login."""
    from sottovoce.live import systemd

    if systemd.uninstall():
        _output.result("The microphone Sottovoce is gone, and no longer starts at login.")
    else:
        _output.result("It was not installed.")


@click.command(epilog=examples("sottovoce mic status", "sottovoce mic status --json"))
@JSON
@click.pass_context
def status(context: click.Context, *, as_json: bool) -> None:
    """Show whether the installed microphone is running, and its status.

    Exit code: 0 if it is running, 1 if not, 2 for an error.
    """
    from sottovoce.live import systemd

    found = systemd.read_status()
    if as_json:
        _output.result_json(
            {
                "installed": found.installed,
                "at_login": found.at_login,
                "active": found.active,
                "said": found.said,
                "restarts": found.n_restarts,
            }
        )
    else:
        _output.result(_describe(found))
        if found.said and found.active:
            _output.result(f"It says: {found.said}")
        if found.n_restarts:
            _output.result(
                f"Restarted {say_count(found.n_restarts, 'time')}: journalctl --user -u"
                f" {systemd.UNIT}"
            )
    context.exit(0 if found.active else 1)


def _describe(found: ServiceStatus) -> str:
    if not found.installed:
        return "Not installed: `sottovoce mic install`."
    running = "is running" if found.active else "is installed, but not running"
    at_login = ", and starts at login" if found.at_login else ""
    return f"The microphone Sottovoce {running}{at_login}."
