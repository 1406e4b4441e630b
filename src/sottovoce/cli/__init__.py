"""The command `sottovoce`, and the order of its commands."""

from __future__ import annotations

import io
import os
import sys

import click

import sottovoce
from sottovoce.cli import _output, _words
from sottovoce.cli._exit_codes import ExitCode
from sottovoce.cli._options import examples
from sottovoce.cli.abx import abx
from sottovoce.cli.check import check
from sottovoce.cli.grant import grant
from sottovoce.cli.identity import identity
from sottovoce.cli.listen import listen
from sottovoce.cli.mic import mic
from sottovoce.cli.page import page
from sottovoce.cli.protect import protect
from sottovoce.cli.scan import scan
from sottovoce.cli.seal import seal
from sottovoce.cli.statement import statement
from sottovoce.errors import SottovoceError

__all__ = ["main"]

# As shells report it: 128 plus the number of the signal.
_INTERRUPTED = 130
_PIPE_CLOSED = 141


@click.group(
    epilog=examples(
        "sottovoce protect take.wav          writes take.protected.wav",
        "sottovoce protect film.mp4          marks the sound of a film and copies the rest",
        "sottovoce protect takes/ -o marked/ mirrors a folder",
        "sottovoce check interview.mp3       found or not, and how sure",
        "sottovoce scan dataset/             before anything is trained on it",
        "sottovoce mic                       a microphone for calls that says no",
    ),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(sottovoce.__version__, message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show the full traceback of an error.")
@click.pass_context
def program(context: click.Context, *, debug: bool) -> None:
    """Refuse machine training on your voice, inside the sound itself.

    `protect` writes an inaudible mark into speech, including that of films; the mark says who
    refuses what.  `check` finds it again, after compression, editing and calls, and reports how
    certain that is.  `mic` marks what you say in calls.
    """
    context.obj = debug


program.add_command(protect)
program.add_command(check)
program.add_command(scan)
program.add_command(mic)
program.add_command(listen)
program.add_command(identity)
program.add_command(statement)
program.add_command(grant)
program.add_command(seal)
program.add_command(page)
program.add_command(abx)


def main() -> None:
    """Run the command and exit.

    The help of each command lists its exit codes; 2 is any error, and 130 an end by Ctrl-C.
    """
    debug = "--debug" in sys.argv[1:]
    # A name that the terminal cannot show must not end the program.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = program.main(standalone_mode=False)
    except SottovoceError as err:
        if debug:
            raise
        _output.explain(str(err), kind="error")
        if err.remedy:
            _output.explain(_output.name_flags(err.remedy))
        code = err.exit_code
    except click.ClickException as err:
        said = io.StringIO()
        err.show(said)
        _output.explain(said.getvalue().rstrip("\n"))
        code = err.exit_code
    except (BrokenPipeError, _output.PipeClosedError):
        # The reader of the results closed the pipe (`| head`); Python would complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = _PIPE_CLOSED
    except (click.Abort, KeyboardInterrupt):
        _output.explain("Interrupted. No partial files were left behind.")
        code = _INTERRUPTED
    except Exception as err:
        # Python would exit with 1, which has a meaning for `check` and `scan`.
        if debug:
            raise
        _explain_unexpected(err)
        code = ExitCode.ERROR
    sys.exit(code)


def _explain_unexpected(err: Exception) -> None:
    """Report an unexpected error in a line or two."""
    if isinstance(err, OSError) and err.filename is not None:
        name, reason = _words.format_path(err.filename), (err.strerror or str(err)).lower()
        _output.explain(f"{name}: {reason}", kind="error")
        _output.explain("Check the permissions and the free space there, or choose another place.")
        return
    _output.explain(f"unexpected {type(err).__name__}: {err}", kind="error")
    _output.explain("Please report it with the output of 'sottovoce --debug …'.")
