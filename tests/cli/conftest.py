"""The installed command, as a person runs it; most calls are forked from one that has started."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile as sf

from tests.cli.forked_program import Done, ForkedProgram

PROGRAM = Path(sys.executable).with_name("sottovoce")


def hear_ctrl_c() -> None:
    """Hear Ctrl-C again: what starts tests in the background makes its children deaf to it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@functools.cache
def forked_program() -> ForkedProgram:
    """The one of this process."""
    program = ForkedProgram()
    atexit.register(program.close)
    return program


class Shell:
    """A folder to work in, an empty configuration, and the program."""

    def __init__(self, folder: Path, config: Path) -> None:
        self.folder, self.config = folder, config / "sottovoce"
        self.wrapper: tuple[str, ...] = ()
        self.environment = {
            **os.environ,
            "XDG_CONFIG_HOME": str(config),
            "OMP_NUM_THREADS": "1",
            "PYTHONWARNINGS": "error::ResourceWarning",
        }

    def start(self, *arguments: object, **options) -> subprocess.Popen[str]:
        words = [*self.wrapper, str(PROGRAM), *map(str, arguments)]
        return subprocess.Popen(
            words,
            cwd=self.folder,
            env={**self.environment, **options.pop("environment", {})},
            stdin=options.pop("stdin", subprocess.DEVNULL),
            stdout=options.pop("stdout", subprocess.PIPE),
            stderr=options.pop("stderr", subprocess.PIPE),
            text=True,
            # A shell that runs the tests in the background makes its children deaf to Ctrl-C.
            preexec_fn=hear_ctrl_c,
            **options,
        )

    def __call__(self, *arguments: object, typed: str | None = None, **options) -> Done:
        if not options and not self.wrapper:
            return self._call_forked([*map(str, arguments)], typed)
        if typed is not None:
            options["stdin"] = subprocess.PIPE
        with self.start(*arguments, **options) as process:
            out, err = process.communicate(typed, timeout=120)
        assert "Traceback" not in err, err
        return Done(code=process.returncode, out=out, err=err)

    def _call_forked(self, arguments: list[str], typed: str | None) -> Done:
        done = forked_program().run(
            arguments, folder=self.folder, environment=self.environment, typed=typed
        )
        assert "Traceback" not in done.err, done.err
        return done

    def take_over(self, other: Shell) -> None:
        """Have the files and the configuration of another one, as if they had been made here."""
        for theirs, own in ((other.folder, self.folder), (other.config, self.config)):
            shutil.copytree(theirs, own, dirs_exist_ok=True)

    def files(self) -> set[str]:
        return {
            str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()
        }


@pytest.fixture
def shell(tmp_path) -> Shell:
    folder = tmp_path / "a folder"
    folder.mkdir()
    return Shell(folder, tmp_path / "config")


@pytest.fixture
def new_shell(tmp_path) -> Shell:
    """Another computer, where nothing is known yet."""
    folder = tmp_path / "another folder"
    folder.mkdir()
    return Shell(folder, tmp_path / "another config")


@pytest.fixture
def take(shell, clip) -> Path:
    """The shipped clip as a 16-bit WAV."""
    path = shell.folder / "take.wav"
    sf.write(path, *clip, subtype="PCM_16")
    return path


@pytest.fixture(scope="session")
def marked_take(tmp_path_factory, clip) -> Path:
    """The shipped clip, marked once for all tests, with the default identity of nobody."""
    folder = tmp_path_factory.mktemp("marked")
    shell = Shell(folder, folder / "config")
    sf.write(folder / "take.wav", *clip, subtype="PCM_16")
    done = shell("protect", "take.wav", "--owner", "4f2a-91c0-77de", "--policy", "training")
    assert done.code == 0, done.err
    return folder / "take.protected.wav"
