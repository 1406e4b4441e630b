"""Batches of rows, as jobs of Ray Data and Hugging Face hand them over."""

from __future__ import annotations

import math
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sottovoce.errors import ParameterError
from sottovoce.scan import examine_batch
from sottovoce.scan.workers import kept_pool
from tests.scan.conftest import OWNER, encode


@pytest.fixture
def marked_bytes(dataset):
    return (dataset / "anna" / "long.flac").read_bytes()


@pytest.fixture
def clean_bytes(dataset):
    return (dataset / "bert" / "long.flac").read_bytes()


@pytest.fixture(autouse=True, scope="module")
def _no_child_outlives_the_tests():
    yield
    kept_pool._close(os.getpid())


def as_objects(values):
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


class TestRows:
    def test_every_row_gets_its_answer_in_its_place(self, marked_bytes, clean_bytes, dataset):
        rows = [
            clean_bytes,
            {"bytes": marked_bytes, "path": "a.flac"},
            b"no sound",
            None,
            {"bytes": None, "path": None},
            str(dataset / "anna" / "long.flac"),
            str(dataset / "gone.flac"),
            str(dataset / "anna"),
        ]
        batch = {"audio": rows, "id": list(range(len(rows)))}
        out = examine_batch(batch)
        assert list(out) == ["audio", "id", "status", "log10_p", "refused", "owner_ids"]
        assert out["audio"] is rows
        expected = ["clean", "marked", "error", "error", "error", "marked", "error", "unsupported"]
        assert out["status"] == expected
        assert out["refused"] == [status != "clean" for status in expected]
        assert [math.isnan(p) for p in out["log10_p"]] == [
            status in ("error", "unsupported") for status in expected
        ]
        owners = [one.as_py() for one in out["owner_ids"]]
        assert owners == [[OWNER] if status == "marked" else [] for status in expected]
        assert set(batch) == {"audio", "id"}

    def test_arrays_of_numpy_as_ray_hands_them_over(self, marked_bytes, clean_bytes):
        out = examine_batch({"sound": as_objects([marked_bytes, clean_bytes])}, column="sound")
        assert out["status"] == ["marked", "clean"]

    def test_owners_know_their_type_though_all_of_a_batch_have_none(self, clean_bytes):
        # As a streamed data set writes them: in batches, of which the first has no owner.
        (owners,) = examine_batch({"audio": [clean_bytes]})["owner_ids"]
        assert pa.array([owners]).type == pa.list_(pa.int64())

    def test_decoded_samples(self, marked, clip):
        rows = [
            {"array": marked[0], "sampling_rate": marked[1]},
            {"array": clip[0], "sampling_rate": clip[1]},
            {"array": np.zeros(0), "sampling_rate": 16_000},
            {"array": np.zeros(8), "sampling_rate": None},
            {"array": np.zeros(8)},
            {"array": "text", "sampling_rate": 16_000},
        ]
        assert examine_batch({"audio": rows})["status"] == ["marked", "clean", *["error"] * 4]

    def test_what_is_unread_is_refused_unless_told_otherwise(self):
        rows = [b"no sound", None]
        assert examine_batch({"audio": rows})["refused"] == [True, True]
        assert examine_batch({"audio": rows}, strict=False)["refused"] == [False, False]

    def test_an_empty_batch(self):
        assert examine_batch({"audio": []})["status"] == []

    def test_paths_are_those_of_the_process_that_asks(self, dataset, monkeypatch):
        examine_batch({"audio": [encode()]})  # the child is there, and stays where it is
        monkeypatch.chdir(dataset)
        assert examine_batch({"audio": ["anna/long.flac"]})["status"] == ["marked"]

    @pytest.mark.parametrize(
        ("batch", "column"),
        [
            ({"text": ["x"]}, "audio"),
            ({"audio": [7]}, None),
            ({"audio": [b""], "status": ["?"]}, None),
        ],
    )
    def test_what_no_batch_can_mean_is_an_error_that_helps(self, batch, column):
        with pytest.raises(ParameterError) as caught:
            examine_batch(batch, column=column)
        assert caught.value.remedy


class TestHarm:
    @pytest.mark.slow
    def test_a_row_that_kills_its_decoder_costs_one_row(self, faulty_decoder, clean_bytes):
        rows = [clean_bytes, faulty_decoder, encode(), faulty_decoder]
        out = examine_batch({"audio": rows})
        assert out["status"] == ["clean", "crashed", "undetermined", "crashed"]
        assert out["refused"] == [False, True, False, True]
        assert examine_batch({"audio": [clean_bytes]})["status"] == ["clean"]

    def test_a_process_that_may_start_no_other_is_told_so(self, monkeypatch):
        monkeypatch.setitem(multiprocessing.current_process()._config, "daemon", 1)
        with pytest.raises(ParameterError, match="cannot start another"):
            examine_batch({"audio": [encode()]})

    @pytest.mark.slow
    def test_a_fork_has_a_child_of_its_own(self):
        examine_batch({"audio": [encode()]})
        first = kept_pool._pools[os.getpid()]
        # In a Python of its own: forking this one, which has threads, is what it warns of.
        code = (
            "import os, warnings; warnings.simplefilter('ignore')\n"
            "from tests.scan.conftest import encode\n"
            "from sottovoce.scan import examine_batch\n"
            "from sottovoce.scan.workers import kept_pool\n"
            "if __name__ == '__main__':\n"
            "    batch = {'audio': [encode()]}\n"
            "    examine_batch(batch)\n"
            "    if os.fork() == 0:\n"
            "        told = examine_batch(batch)['status']\n"
            "        print(told, len(kept_pool._pools), flush=True)\n"
            "        os._exit(0)\n"
            "    os.wait()\n"
            "    print(examine_batch(batch)['status'])\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            cwd=Path(__file__).parents[2],
        )
        assert done.stdout.splitlines() == ["['undetermined'] 2", "['undetermined']"]
        assert kept_pool._pools == {os.getpid(): first}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_process_that_is_killed_leaves_nothing_behind(tmp_path):
    code = (
        "import os, signal\n"
        "from tests.scan.conftest import encode\n"
        "from sottovoce.scan import examine_batch\n"
        "if __name__ == '__main__':\n"
        "    examine_batch({'audio': [encode()]})\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        timeout=60,
        check=False,
        capture_output=True,
        cwd=Path(__file__).parents[2],
    )
    deadline_s = time.monotonic() + 10
    while list(tmp_path.iterdir()) and time.monotonic() < deadline_s:
        time.sleep(0.1)
    assert list(tmp_path.iterdir()) == []


_MAP_CODE = """
import datasets

from sottovoce.scan import examine_batch

if __name__ == "__main__":
    from tests.scan.conftest import OWNER

    data = datasets.Dataset.from_parquet("rows.parquet", cache_dir="cache")
    data = data.cast_column("audio", datasets.Audio(decode=False))
    # Batches of two rows: the first have no owner, and their type must not be guessed from those.
    out = data.map(
        examine_batch, batched=True, batch_size=2, writer_batch_size=2, num_proc=NUM_PROC
    )
    assert out["refused"][:] == [False, True, False, False, True, False], out["status"][:]
    assert out["owner_ids"][:] == [[], [], [], [], [OWNER], []]
    assert out["audio"][4]["bytes"] == data["audio"][4]["bytes"]
"""


@pytest.mark.apart
@pytest.mark.parametrize("num_proc", [None, 2])
def test_hugging_face_maps_batches(num_proc, marked_bytes, clean_bytes, tmp_path):
    # In a Python of its own: `map` forks, which this one, that has run much else, may not survive.
    rows = [clean_bytes, b"no sound", clean_bytes, clean_bytes, marked_bytes, clean_bytes]
    table = pa.table({"audio": [{"bytes": one, "path": None} for one in rows]})
    pq.write_table(table, tmp_path / "rows.parquet")
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", _MAP_CODE.replace("NUM_PROC", str(num_proc))],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.returncode == 0, done.stderr
