"""The exit codes of the commands, in one table that the docs and `--help` are held against."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["MEANINGS", "ExitCode"]


class ExitCode(IntEnum):
    """The exit code of a command."""

    DONE = 0
    NOT_FOUND = 1
    ERROR = 2
    UNREAD = 3
    INTERRUPTED = 130
    PIPE_CLOSED = 141


MEANINGS = {
    "protect": {
        ExitCode.DONE: "all done",
        ExitCode.ERROR: "a file failed or was refused, or no audio file was found",
    },
    "check": {
        ExitCode.DONE: "a mark was found, and no file failed",
        ExitCode.NOT_FOUND: "no mark was found, and all of the sound was examined",
        ExitCode.ERROR: "a file failed or held sound that was not examined,"
        " or no audio file was found",
    },
    "scan": {
        ExitCode.DONE: "no mark was found, and everything was read",
        ExitCode.NOT_FOUND: "a mark was found",
        ExitCode.ERROR: "there was nothing to scan, or the scan could not run",
        ExitCode.UNREAD: "no mark was found, but something was not read or not examined,"
        " or the scan has not ended",
    },
    "statement verify": {
        ExitCode.DONE: "valid",
        ExitCode.NOT_FOUND: "not valid, or in conflict",
        ExitCode.ERROR: "a file could not be read",
    },
    "grant verify": {
        ExitCode.DONE: "valid",
        ExitCode.NOT_FOUND: "not valid",
        ExitCode.ERROR: "a file could not be read",
    },
    "every command": {
        ExitCode.ERROR: "wrong options, or another error",
        ExitCode.INTERRUPTED: "interrupted by Ctrl-C; no partial files are left behind",
        ExitCode.PIPE_CLOSED: "the program that read the results closed the pipe",
    },
}
"""The meaning of each code by command, in the words of the docs."""
