"""Scans of a store, with the real driver: refusals cost nothing, and what is gone costs one row."""

from __future__ import annotations

import io
import json
import logging
import os
import socket
import subprocess
import sys
import tarfile
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sottovoce.errors import AudioFileError
from sottovoce.scan import Ledger, Limits, Scan, open_sources, scan_paths
from sottovoce.scan.stores import store as storage
from sottovoce.scan.stores.prefetch import bring
from sottovoce.scan.stores.remote_file import RemoteFile
from sottovoce.scan.workers.batches import batches_of
from sottovoce.scan.workers.examine import examine
from tests.scan.conftest import encode

pytestmark = [pytest.mark.apart]

N = 12


@pytest.fixture(scope="module")
def store():
    """The front of a store with a bucket `voices`, and the driver that fills it."""
    from tests.scan.stores import Front, serving

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    front = Front()
    with serving(front) as address, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", address)
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        storage._file_system.cache_clear()
        import s3fs

        front.files = s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True)
        front.files.mkdir("voices")
        yield front
    storage._file_system.cache_clear()


@pytest.fixture(autouse=True)
def _is_well(store):
    store.reset()


@pytest.fixture(scope="module")
def clips(store):
    """A folder of short clips in two others, two of them marked."""
    for i in range(N):
        store.files.pipe(f"voices/clips/p{i % 2}/{i:02}.flac", encode(i, seconds=1, form="FLAC"))
    return "s3://voices/clips"


def statuses(findings):
    return {finding.id: (finding.status, finding.seconds) for finding in findings}


def looked_at(source):
    """What comes of each recording, without the cost of a worker's start."""
    found = {}
    for batch in batches_of(source.recordings()):
        if not isinstance(batch, list):
            found[batch.id] = batch
            continue
        for recording, err in bring(batch, most_bytes=1 << 30):
            assert err is None
            found[recording.id] = examine(recording, limits=Limits(memory_bytes=0))
    return found


class TestShapes:
    def test_a_folder_with_a_marked_recording(self, store, dataset):
        for name in ("anna/long.flac", "bert/long.flac", "carl/word.wav"):
            store.files.pipe(f"voices/set/{name}", (dataset / name).read_bytes())
        store.files.pipe("voices/set/notes.txt", b"left alone")
        found = {f.id: f for f in scan_paths(["s3://voices/set"], workers=1)}
        assert {name: f.status for name, f in found.items()} == {
            "s3://voices/set/anna/long.flac": "marked",
            "s3://voices/set/bert/long.flac": "clean",
            "s3://voices/set/carl/word.wav": "undetermined",
        }
        assert found["s3://voices/set/carl/word.wav"].groups == {"folder": "s3://voices/set/carl"}

    def test_each_object_is_one_request(self, store, clips):
        listed = list(open_sources([clips])[0].recordings())
        store.reset()
        assert len(list(bring(listed, most_bytes=1 << 30))) == N
        assert [method for method, _, _ in store.methods] == ["GET"] * N

    def test_an_archive_is_fetched_in_few_requests(self, store):
        raw = io.BytesIO()
        with tarfile.open(fileobj=raw, mode="w") as archive:
            for i in range(50):
                member = tarfile.TarInfo(f"{i:03}.wav")
                data = encode(i)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        store.files.pipe("voices/shard.tar", raw.getvalue())
        store.reset()
        (source,) = open_sources(["s3://voices/shard.tar"])
        found = looked_at(source)
        assert len(found) == 50
        assert {f.seconds for f in found.values()} == {0.5}
        assert store.n_requests < 12  # two to look at it, some to list it, one for the members

    def test_parquet_with_bytes_and_paths_beside_it(self, store):
        import pyarrow as pa
        import pyarrow.parquet as pq

        store.files.pipe("voices/table/beside.wav", encode(99))
        cells = [{"bytes": encode(i), "path": f"{i}.wav"} for i in range(40)]
        cells.append({"bytes": None, "path": "beside.wav"})
        table = pa.table({"audio": cells, "speaker_id": [str(i % 3) for i in range(41)]})
        file = io.BytesIO()
        pq.write_table(table, file, row_group_size=10)
        store.files.pipe("voices/table/train.parquet", file.getvalue())
        (source,) = open_sources(["s3://voices/table/train.parquet"])
        found = looked_at(source)
        assert len(found) == 41
        assert {f.seconds for f in found.values()} == {0.5}
        assert found["s3://voices/table/train.parquet::4"].groups["speaker_id"] == "1"

    def test_a_manifest_here_that_names_objects(self, clips, tmp_path):
        lines = [{"audio_filepath": f"{clips}/p0/00.flac", "duration": 1}, {}]
        lines[1] = {"audio_filepath": f"{clips}/p0/gone.flac", "duration": 1}
        path = tmp_path / "manifest.json"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        allowed = ("s3://voices",)
        found = {f.id: f for f in scan_paths([path], workers=1, allow_remote=allowed)}
        assert found[f"{clips}/p0/00.flac"].status == "undetermined"
        gone = found[f"{clips}/p0/gone.flac"]
        assert {f.status for f in scan_paths([path], workers=1)} == {"unsupported"}
        assert (gone.status, gone.message) == ("error", "does not exist")
        assert gone.remedy

    def test_a_pattern_and_a_list_there(self, store, clips):
        store.files.pipe("voices/all.txt", f"{clips}/p0/00.flac\nclips/p1/01.flac\n".encode())
        (source,) = open_sources(["s3://voices/all.txt"])
        assert set(looked_at(source)) == {f"{clips}/p0/00.flac", f"{clips}/p1/01.flac"}
        assert len(open_sources([f"{clips}/p0/*.flac"])) == N // 2

    def test_a_saved_data_set_in_a_folder_is_read_as_one(self, store, tmp_path):
        import datasets

        data = datasets.Dataset.from_dict({"audio": [{"bytes": encode(1), "path": None}]})
        data.save_to_disk(str(tmp_path / "saved"))
        for file in (tmp_path / "saved").iterdir():
            store.files.pipe(f"voices/mixed/saved/{file.name}", file.read_bytes())
        store.files.pipe("voices/mixed/a.wav", encode(2))
        (source,) = open_sources(["s3://voices/mixed"])
        assert sorted(name.rpartition("/")[2] for name in looked_at(source)) == [
            "a.wav",
            "data-00000-of-00001.arrow::0",
        ]


class TestGoingOn:
    def test_only_a_replaced_object_is_looked_at_again(self, store, clips, tmp_path):
        def scan():
            with Ledger(tmp_path / "ledger", detector="d") as ledger:
                one = Scan(open_sources([clips]), ledger=ledger, workers=1)
                found = statuses(one.run())
                return one.n_resumed, found

        assert scan()[0] == 0
        n_resumed, found = scan()
        assert (n_resumed, len(found)) == (N, N)
        # As long as it was: only its tag tells.
        store.files.pipe(f"{clips}/p0/02.flac", encode(2, seconds=1, form="FLAC")[:-1] + b"x")
        assert scan()[0] == N - 1
        store.files.pipe(f"{clips}/p0/02.flac", encode(2, seconds=1, form="FLAC"))


class TestFaults:
    def test_refusals_cost_nothing(self, store, clips):
        calm = statuses(scan_paths([clips], workers=1))
        store.share_busy = 0.2
        assert statuses(scan_paths([clips], workers=1)) == calm
        assert store.n_busy >= 3

    def test_an_object_that_was_taken_away_costs_one_row(self, store, clips):
        recordings = list(open_sources([clips])[0].recordings())
        store.files.rm(recordings[3].id)
        errors = [err for _, err in bring(recordings, most_bytes=1 << 30) if err is not None]
        store.files.pipe(recordings[3].id, encode(6, seconds=1, form="FLAC"))
        assert [str(err) for err in errors] == [f"{recordings[3].id}: does not exist"]
        assert errors[0].remedy

    def test_an_object_that_may_not_be_read_costs_one_row(self, store, clips):
        store.denied = "p1/03.flac"
        found = {f.id: f for f in scan_paths([clips], workers=1)}
        assert len(found) == N
        (bad,) = [f for f in found.values() if f.status == "error"]
        assert bad.id.endswith("p1/03.flac")
        assert "permission denied" in bad.message
        assert "AWS_PROFILE" in bad.remedy

    def test_one_that_always_fails_does_not_take_its_neighbours_along(
        self, store, clips, monkeypatch
    ):
        monkeypatch.setattr("sottovoce.scan.stores.prefetch.PATIENCE_S", 0.3)
        recordings = list(open_sources([clips])[0].recordings())
        real = store.inner

        def broken(environ, start_response):
            if environ["PATH_INFO"].endswith("p0/00.flac"):
                start_response("500 Internal Server Error", [("Content-Length", "0")])
                return [b""]
            return real(environ, start_response)

        monkeypatch.setattr(store, "inner", broken)
        errors = [err for _, err in bring(recordings, most_bytes=1 << 30)]
        assert [err is not None for err in errors] == [True] + [False] * (N - 1)

    def test_a_folder_that_cannot_be_listed_is_told(self, store, clips, monkeypatch):
        system, _ = storage.open_remote(clips)
        real = system.call_s3

        def call_s3(method, **options):
            if options.get("Prefix", "").endswith("p1/"):
                raise PermissionError("Access Denied")
            return real(method, **options)

        monkeypatch.setattr(system, "call_s3", call_s3)
        found = list(open_sources([clips])[0].recordings())
        (bad,) = [one for one in found if getattr(one, "status", "")]
        assert (bad.id, bad.status) == (f"{clips}/p1", "error")
        assert len(found) == N // 2 + 1

    def test_a_folder_of_many_pages_is_listed_by_a_busy_store(self, store, clips, monkeypatch):
        system, _ = storage.open_remote(clips)
        real, begun = system.call_s3, []

        def call_s3(method, **options):
            begun.append(options)
            return real(method, **options, MaxKeys=1)

        monkeypatch.setattr(system, "call_s3", call_s3)
        store.share_busy = 0.3
        recordings = open_sources([clips])[0].recordings()
        next(recordings)
        # The first came before the last page was asked for.
        assert len(begun) < N
        assert len([*recordings]) == N - 1

    @pytest.mark.parametrize("name", ["s3://no-such-bucket/clips", "s3://voices/clips/no.flac"])
    def test_a_wrong_name_is_told_at_once(self, name):
        with pytest.raises(AudioFileError, match="does not exist") as caught:
            open_sources([name])
        assert "AWS_ENDPOINT_URL" in caught.value.remedy

    def test_a_whole_store_is_no_place(self):
        with pytest.raises(AudioFileError, match="names no bucket"):
            open_sources(["s3:///"])

    def test_a_file_that_changes_while_it_is_read(self, store):
        store.files.pipe("voices/short.bin", b"0123456789")
        system, path = storage.open_remote("s3://voices/short.bin")
        with pytest.raises(AudioFileError, match="changed"):
            RemoteFile(system, path, url="s3://voices/short.bin", size=20).read()


def test_a_remote_file_reads_as_a_local_one(store, rng):
    data = rng.bytes(300_000)
    store.files.pipe("voices/data.bin", data)
    with storage.open_binary("s3://voices/data.bin") as remote:
        local = io.BytesIO(data)
        for _ in range(100):
            start, n = int(rng.integers(310_000)), int(rng.integers(90_000))
            remote.seek(start), local.seek(start)
            assert remote.read(n) == local.read(n)
        assert remote.seek(-5, io.SEEK_END) == len(data) - 5
        assert remote.read() == data[-5:]


class TestTheCommand:
    def test_without_credentials_it_says_what_to_set(self, clips, tmp_path):
        code, said = run(clips, tmp_path, AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None)
        assert code == 2
        assert "Set AWS_ACCESS_KEY_ID" in said
        assert "Traceback" not in said

    def test_a_store_that_never_answers_is_given_up(self, clips, tmp_path):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            began_s = time.monotonic()
            address = f"http://127.0.0.1:{silent.getsockname()[1]}"
            # Ten seconds, if nobody says otherwise.
            impatient = '{"config_kwargs": {"read_timeout": 1}}'
            code, said = run(clips, tmp_path, AWS_ENDPOINT_URL=address, FSSPEC_S3=impatient)
        assert (code, "does not answer" in said) == (2, True)
        assert time.monotonic() - began_s < 20

    def test_what_it_finds_is_written_here(self, clips, tmp_path):
        code, _ = run(clips, tmp_path)
        assert code == 0
        assert (tmp_path / "out" / "report.html").is_file()


def run(name, folder, **changes):
    """Run the command, with changes of the environment, and return its code and what it said."""
    environment = {**os.environ, "HOME": str(folder), "AWS_EC2_METADATA_DISABLED": "true"}
    environment |= {key: value for key, value in changes.items() if value is not None}
    for key in [key for key, value in changes.items() if value is None]:
        del environment[key]
    program = Path(sys.executable).with_name("sottovoce")
    done = subprocess.run(
        [program, "scan", name, "-o", folder / "out", "--jobs", "1"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        timeout=100,
    )
    return done.returncode, done.stderr


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def web(tmp_path):
    """A folder, and the address at which a server shows it; it sends only whole files."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield tmp_path, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


class TestTheWeb:
    def test_a_folder(self, web):
        folder, address = web
        (folder / "takes" / "late").mkdir(parents=True)
        for name in ("takes/a.wav", "takes/late/b.wav", "c.wav"):
            (folder / name).write_bytes(encode(1))
        (source,) = open_sources([f"{address}/takes/"])
        ids = [one.id for one in source.recordings()]
        assert ids == [f"{address}/takes/a.wav", f"{address}/takes/late/b.wav"]

    def test_files_lists_and_archives(self, web):
        folder, address = web
        (folder / "a.wav").write_bytes(encode(1))
        (folder / "b.txt").write_text(f"{address}/a.wav\n{address}/gone.wav\n")
        with tarfile.open(folder / "c.tar", "w") as archive:
            archive.add(folder / "a.wav", "0.wav")
        found = {}
        for source in open_sources([f"{address}/{name}" for name in ("a.wav", "b.txt", "c.tar")]):
            for one in source.recordings():
                found[one.id] = one
        gone = found.pop(f"{address}/gone.wav")
        assert (gone.status, gone.message) == ("error", "does not exist")
        fetched = {one.id: err for one, err in bring(list(found.values()), most_bytes=1 << 30)}
        assert fetched[f"{address}/a.wav"] is None
        # A part of a file cannot be had there, and must not be taken for another.
        assert "only sends whole files" in str(fetched[f"{address}/c.tar::0.wav"])
