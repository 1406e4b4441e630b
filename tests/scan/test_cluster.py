"""A Ray cluster of several nodes, some of which die: every recording comes out, once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing

import pytest

from rig.bombs import Assassin, Bomb, Nap, Quagmire, make
from rig.nodes import Nodes
from sottovoce.errors import ClusterError, LedgerError, MissingExtraError
from sottovoce.scan import Ledger, Limits, scan_paths
from sottovoce.scan.finding import Finding
from sottovoce.scan.stores.lone_files import describe_file
from sottovoce.scan.workers.ray_cluster import _check_release, examine_on_cluster
from tests.cli.conftest import PROGRAM, hear_ctrl_c

WORKER = "ray::_examine_block"
"""How the processes in which Ray looks at recordings begin."""

pytestmark = [pytest.mark.apart, pytest.mark.slow]


@pytest.fixture(scope="module")
def nodes():
    """Two nodes that work, and a head that only leads."""
    pytest.importorskip("ray")
    with Nodes(2, resting_head=True) as started:
        yield started


@pytest.fixture
def words(dataset):
    """Make recordings of one word each."""
    word = describe_file(str(dataset / "carl" / "word.wav"))
    return lambda n: [
        type(word)(id=f"{number:03}", place=word.place, stamp="1", n_bytes=1000)
        for number in range(n)
    ]


def scan(recordings, nodes, **limits):
    """Return findings by id; a recording that comes out twice is a failure."""
    results = examine_on_cluster(recordings, address=nodes.address, limits=Limits(**limits))
    findings = [finding for _, finding in results]
    assert Counter(f.id for f in findings) == Counter(r.id for r in recordings)
    return {finding.id: finding for finding in findings}


def started(recordings, nodes):
    """A scan whose connection ends with the test, however that ends."""
    return closing(examine_on_cluster(recordings, address=nodes.address, limits=Limits()))


def statuses(findings):
    return Counter(finding.status for finding in findings.values())


def test_a_cluster_finds_what_one_computer_finds(dataset, nodes, monkeypatch):
    # Relative to where this process is, which is not where the nodes are.
    monkeypatch.chdir(dataset.parent)
    here = {f.id: f for f in scan_paths([dataset.name])}
    there = {f.id: f for f in scan_paths([dataset.name], cluster=nodes.address)}
    assert {name: f.status for name, f in there.items()} == {n: f.status for n, f in here.items()}
    read = [name for name, f in here.items() if not f.unread]
    assert len(read) == 6
    assert all(there[name] == here[name] for name in read)


def test_what_is_known_passes_through_at_once(words, nodes):
    known = Finding(id="known", status="clean")
    results = examine_on_cluster([known, *words(1)], address=nodes.address, limits=Limits())
    assert next(results) == (None, known)
    assert [finding.id for _, finding in results] == ["000"]


class TestFaults:
    def test_a_crash_and_a_hang_cost_one_recording_each(self, words, nodes):
        recordings = words(200)
        recordings[17] = make(Bomb, "bomb")
        recordings[120] = make(Quagmire, "mire")
        findings = scan(recordings, nodes, time_s=2.0)
        assert findings["bomb"].status == "crashed"
        assert "SIGABRT" in findings["bomb"].message
        assert findings["mire"].status == "timeout"
        assert statuses(findings)["undetermined"] == 198

    @pytest.mark.by_turns
    def test_one_that_ends_the_worker_of_the_cluster_costs_one_recording(self, words, nodes):
        recordings = words(100)
        recordings[40] = make(Assassin, "assassin")
        findings = scan(recordings, nodes)
        assert findings["assassin"].status == "crashed"
        assert statuses(findings)["undetermined"] == 99

    def test_a_worker_that_is_killed_loses_nothing(self, nodes):
        recordings = [make(Nap, f"{n:03}") for n in range(100)]
        with started(recordings, nodes) as results:
            findings = [next(results)]
            for worker in nodes.processes(1, WORKER):
                os.kill(worker, signal.SIGKILL)
            findings += results
        assert Counter(f.id for _, f in findings) == Counter(r.id for r in recordings)
        assert {f.status for _, f in findings} == {"error"}

    @pytest.mark.by_turns
    def test_a_node_that_dies_loses_nothing(self, nodes):
        third = nodes.add()
        recordings = [make(Nap, f"{n:03}") for n in range(400)]
        findings, is_killed = [], False
        with started(recordings, nodes) as results:
            for _, finding in results:
                findings.append(finding)
                if not is_killed and nodes.processes(third, WORKER):
                    nodes.kill(third)
                    is_killed = True
        assert is_killed
        assert len(findings) == 400
        assert Counter(f.id for f in findings) == Counter(r.id for r in recordings)
        assert {f.status for f in findings} == {"error"}


def test_a_connection_that_is_there_is_used_and_kept(words, nodes):
    ray = pytest.importorskip("ray")
    ray.init(nodes.address, log_to_driver=False)
    try:
        results = examine_on_cluster(
            [make(Nap, f"{n:03}") for n in range(500)], address="auto", limits=Limits()
        )
        next(results)
        results.close()
        assert ray.is_initialized()
        assert statuses(scan(words(20), nodes)) == {"undetermined": 20}
    finally:
        ray.shutdown()


class TestCommand:
    def start(self, place, *options):
        return subprocess.Popen(
            [PROGRAM, "scan", *options, "--thorough"],
            cwd=place,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=hear_ctrl_c,
        )

    @pytest.mark.by_turns
    def test_it_can_be_interrupted_and_goes_on(self, dataset, nodes, tmp_path):
        folder = tmp_path / "data"
        folder.mkdir()
        for number in range(60):
            (folder / f"{number:03}.flac").hardlink_to(dataset / "bert" / "long.flac")
        options = ("data", "-o", "out", "--ray", nodes.address)
        process = self.start(tmp_path, *options)
        ledger = tmp_path / "out" / "ledger.sqlite"
        end = time.monotonic() + 60
        while not known(ledger):
            assert time.monotonic() < end, process.communicate()
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        _, said = process.communicate(timeout=30)
        assert process.returncode == 130, said
        assert time.monotonic() - began < 2.0
        n_known = known(ledger)
        assert 0 < n_known < 60
        process = self.start(tmp_path, *options)
        _, said = process.communicate(timeout=100)
        assert process.returncode == 0, said
        assert known(ledger) == 60

    def test_without_an_address_it_takes_the_one_that_the_environment_names(
        self, dataset, nodes, tmp_path
    ):
        process = subprocess.run(
            [PROGRAM, "scan", "--ray", dataset],
            cwd=tmp_path,
            env={**os.environ, "RAY_ADDRESS": nodes.address},
            capture_output=True,
            text=True,
            check=False,
        )
        assert process.returncode == 1, process.stderr
        assert "2 of 8 recordings" in process.stdout


def known(path):
    """How many recordings a ledger knows."""
    if not path.is_file():
        return 0
    with Ledger(path, read_only=True) as ledger:
        try:
            return sum(ledger.count()[0].values())
        except LedgerError:  # its tables are not there yet
            return 0


class TestErrors:
    def test_no_cluster_is_told_with_what_to_do(self, words):
        results = examine_on_cluster(words(1), address="127.0.0.1:1", limits=Limits())
        with pytest.raises(ClusterError, match="no Ray cluster answers") as caught:
            next(results)
        assert "ray start" in caught.value.remedy

    def test_another_release_on_a_node_is_refused(self):
        with pytest.raises(ClusterError, match=r"sottovoce 0\.0\.0"):
            _check_release("0.0.0")

    def test_without_ray_its_extra_is_named(self, words, monkeypatch):
        monkeypatch.setitem(sys.modules, "ray", None)
        with pytest.raises(MissingExtraError) as caught:
            next(examine_on_cluster(words(1), address="auto", limits=Limits()))
        assert "'ray[data]>=" in caught.value.remedy
