"""Processes that die, hang and hog: one recording is blamed, the rest is scanned."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from rig.bombs import Bomb, Hog, Quagmire, make
from sottovoce.errors import SottovoceError
from sottovoce.scan import scan_paths
from sottovoce.scan.finding import Finding
from sottovoce.scan.limits import Limits
from sottovoce.scan.stores.lone_files import describe_file
from sottovoce.scan.workers import pool as pools
from sottovoce.scan.workers.pool import examine_all


def scan(recordings, *, workers=2, **limits):
    results = examine_all(recordings, workers=workers, limits=Limits(**limits))
    return {finding.id: finding for _, finding in results}


@pytest.fixture
def word(dataset):
    return describe_file(str(dataset / "carl" / "word.wav"))


def copies(recording, n):
    return [
        type(recording)(id=f"{number:03}", place=recording.place, stamp="1", n_bytes=1000)
        for number in range(n)
    ]


class TestFaults:
    def test_a_crash_costs_one_recording(self, word):
        recordings = copies(word, 100)
        recordings[17] = make(Bomb, "bomb")
        findings = scan(recordings)
        assert len(findings) == 100
        assert findings["bomb"].status == "crashed"
        assert "SIGABRT" in findings["bomb"].message
        assert "last words" in findings["bomb"].message
        assert Counter(f.status for f in findings.values())["undetermined"] == 99

    @pytest.mark.slow
    def test_a_hang_costs_one_recording(self, word):
        recordings = copies(word, 10)
        recordings[3] = make(Quagmire, "mire")
        findings = scan(recordings, time_s=1.5)
        assert findings["mire"].status == "timeout"
        assert Counter(f.status for f in findings.values())["undetermined"] == 9

    @pytest.mark.slow
    def test_a_hog_is_stopped_and_its_worker_goes_on(self, word):
        recordings = [*copies(word, 5), make(Hog, "hog")]
        findings = scan(recordings, workers=1, memory_bytes=1 << 30)
        assert findings["hog"].status == "error"
        assert "memory" in findings["hog"].message
        assert len(findings) == 6


class TestFlow:
    @pytest.mark.slow
    def test_each_recording_comes_out_once(self, word):
        recordings = copies(word, 500)
        seen = Counter(r.id for r, _ in examine_all(recordings, workers=2, limits=Limits()))
        assert seen == Counter(r.id for r in recordings)

    def test_findings_pass_through_at_once(self, word):
        known = Finding(id="known", status="clean")
        results = examine_all(iter([known, word]), workers=1, limits=Limits())
        assert next(results) == (None, known)
        assert next(results)[0] == word

    def test_recordings_are_read_only_as_fast_as_they_are_done(self, word):
        n_read = 0

        def listing():
            nonlocal n_read
            for one in copies(word, 5_000):
                n_read += 1
                yield one

        results = examine_all(listing(), workers=1, limits=Limits())
        next(results)
        assert n_read < 1_000
        results.close()

    @pytest.mark.slow
    def test_a_scan_that_ends_while_workers_start_ends_without_a_word(self, word, capfd):
        for one, status in ((word, "undetermined"), (make(Bomb, "bomb"), "crashed")):
            found = list(examine_all([one], workers=3, limits=Limits()))
            assert [finding.status for _, finding in found] == [status]
        assert capfd.readouterr().err == ""

    @pytest.mark.slow
    def test_the_threads_of_matrix_products_are_left_as_they_were(self, word, monkeypatch):
        monkeypatch.setenv("OMP_NUM_THREADS", "7")
        monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
        scan([word])
        assert os.environ["OMP_NUM_THREADS"] == "7"
        assert "MKL_NUM_THREADS" not in os.environ


@pytest.mark.slow
def test_workers_end_and_clear_up_when_the_scan_is_killed(dataset, tmp_path):
    code = (
        "from sottovoce.scan.workers.pool import examine_all\n"
        "from sottovoce.scan.limits import Limits\n"
        "from rig.bombs import Quagmire, make\n"
        "if __name__ == '__main__':\n"
        "    print('begun', flush=True)\n"
        "    list(examine_all([make(Quagmire, str(n)) for n in range(3)], workers=2,"
        " limits=Limits(time_s=600)))\n"
    )
    script = dataset.parent / "killed.py"
    script.write_text(code)
    paths = [os.getcwd(), *filter(None, [os.environ.get("PYTHONPATH")])]  # noqa: PTH109 - of the child
    with subprocess.Popen(
        [sys.executable, script],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "TMPDIR": str(tmp_path)},
        start_new_session=True,
    ) as process:
        process.stdout.readline()
        end = time.monotonic() + 30
        # One that has not yet begun cannot clear up.
        while len([*tmp_path.glob("sottovoce-scan-*/*.err")]) < 2:
            assert time.monotonic() < end
            time.sleep(0.05)
        time.sleep(0.2)
        process.send_signal(signal.SIGKILL)
    end = time.monotonic() + 10
    while members(process.pid):
        assert time.monotonic() < end, "a worker outlived the scan"
        time.sleep(0.1)
    assert not list(tmp_path.glob("sottovoce-scan-*"))


def members(session):
    """Return the processes of a session that are alive."""
    listing = subprocess.run(
        ["ps", "-o", "pid=,stat=", "-s", str(session)], capture_output=True, text=True, check=False
    )
    rows = [line.split() for line in listing.stdout.splitlines()]
    return [pid for pid, state in rows if not state.startswith("Z")]


class TestStart:
    """What keeps workers from starting is told in words, and soon."""

    SCRIPT = """
from sottovoce.scan import scan_paths
{guard}for finding in scan_paths([{folder!r}], workers=2, ledger={ledger!r}):
    print(finding.status)
"""

    def run(self, tmp_path, clip_path, guard: str) -> subprocess.CompletedProcess[str]:
        folder = tmp_path / "clips"
        folder.mkdir()
        shutil.copy(clip_path, folder / "take.flac")
        script = tmp_path / "script.py"
        ledger = str(tmp_path / "ledger.sqlite")
        source = self.SCRIPT.format(guard=guard, folder=str(folder), ledger=ledger)
        script.write_text(source.replace("print", "    print") if guard else source)
        return subprocess.run(
            [sys.executable, script], capture_output=True, text=True, timeout=60, check=False
        )

    @pytest.mark.slow
    def test_a_script_without_the_guard_is_told_so(self, tmp_path, clip_path):
        done = self.run(tmp_path, clip_path, "")
        assert done.returncode == 1
        assert 'outside of `if __name__ == "__main__":`' in done.stderr
        assert done.stderr.count("Traceback") == 1
        assert done.stdout == ""

    @pytest.mark.slow
    def test_a_script_with_the_guard_runs(self, tmp_path, clip_path):
        done = self.run(tmp_path, clip_path, 'if __name__ == "__main__":\n    ')
        assert done.returncode == 0, done.stderr
        assert done.stdout == "clean\n"

    def test_workers_that_end_before_they_start_are_told(self, tmp_path, clip_path, monkeypatch):
        monkeypatch.setattr(pools, "_start_worker", _end_at_once)
        begun_s = time.monotonic()
        with pytest.raises(SottovoceError, match=r"no worker process could start \(exit code 3\)"):
            list(scan_paths([clip_path], workers=1))
        assert time.monotonic() - begun_s < 20


def _end_at_once(*_args: object) -> None:
    os._exit(3)
