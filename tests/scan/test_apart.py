"""What a data set may cost the process that scans: next to nothing, whatever is in it."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import signal
import subprocess
import sys
import tarfile
import textwrap
from pathlib import Path

import pytest

from rig.listings import COMMANDS, LISTINGS, make_listing
from rig.small_bombs import write_arrow_cell
from sottovoce.errors import AudioFileError
from sottovoce.scan import Ledger, Limits, Scan, open_sources, scan_paths, scanning
from sottovoce.scan.archives.tar_source import TarSource
from sottovoce.scan.finding import TOO_MUCH_MEMORY, Finding
from sottovoce.scan.listings.texts import Line, parse_object
from sottovoce.scan.opening import apart
from sottovoce.scan.opening.apart import Apart, ApartSource
from sottovoce.scan.opening.names import open_source
from sottovoce.scan.recording import Recording, Spooled
from sottovoce.scan.source import Kept
from sottovoce.scan.stores import packing
from sottovoce.scan.workers.fetch import fetch
from tests.scan.conftest import encode

_MOST_MB = 300
_SCAN = """
    import sys
    from pathlib import Path
    from sottovoce.scan import scan_paths
    if __name__ == "__main__":
        for one in scan_paths(sys.argv[1:], workers=1):
            print(one.status, one.message)
        # Not getrusage, which counts the process that started this one.
        lines = Path("/proc/self/status").read_text().splitlines()
        peak = next(one for one in lines if one.startswith("VmHWM"))
        print(int(peak.split()[1]) >> 10)
"""


def scan_apart(folder: Path, path: Path) -> tuple[list[str], int]:
    """Scan in a process of its own; return what was said, and its peak of memory in MB."""
    script = folder / "scan_it.py"
    script.write_text(textwrap.dedent(_SCAN))
    done = subprocess.run(
        [sys.executable, script, path], capture_output=True, text=True, check=True, timeout=100
    )
    *said, peak = done.stdout.splitlines()
    return said, int(peak)


class TestBombs:
    """Each becomes one row with its reason, and the scan itself stays small."""

    @pytest.mark.slow
    def test_a_label_of_a_gigabyte_in_a_small_table(self, tmp_path):
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.table(
            {
                "audio": pa.array([b"x"], pa.binary()),
                "speaker": pa.array(["a" * (400 << 20)], pa.large_string()),
            }
        )
        path = tmp_path / "bomb.parquet"
        pq.write_table(
            table, path, compression="zstd", use_dictionary=False, write_statistics=False
        )
        assert path.stat().st_size < 50_000
        (said,), peak_mb = scan_apart(tmp_path, path)
        assert said.startswith("error cannot be listed: column 'speaker' has 419,430,")
        assert peak_mb < _MOST_MB

    @pytest.mark.slow
    def test_a_cell_of_gigabytes_in_a_small_arrow_file(self, tmp_path):
        path = tmp_path / "bomb.arrow"
        write_arrow_cell(path, n_bytes=1400 << 20)
        assert path.stat().st_size < 99_000
        (said,), peak_mb = scan_apart(tmp_path, path)
        assert said == "error exceeded the memory limit"
        assert peak_mb < _MOST_MB

    @pytest.mark.slow
    def test_a_row_group_of_a_gigabyte_in_a_small_table(self, tmp_path):
        path = tmp_path / "bomb.parquet"
        _write_row_groups(path)
        assert path.stat().st_size < 100_000
        (said,), peak_mb = scan_apart(tmp_path, path)
        assert said.startswith("error unpacks to more than 100 times its size")
        assert peak_mb < _MOST_MB

    @pytest.mark.slow
    def test_a_line_of_millions_of_values(self, tmp_path):
        path = tmp_path / "bomb.jsonl.gz"
        with gzip.open(path, "wb", compresslevel=1) as file:
            file.write(b'{"audio_filepath":"x.wav"}\n')
            file.write(b'{"audio_filepath":"x.wav","a":[' + b"{}," * 5_000_000 + b"{}]}\n")
            file.write(b"[" * 15_000_000 + b"\n")
            file.write(b"9" * 15_000_000 + b"\n")
        said, peak_mb = scan_apart(tmp_path, path)
        assert len(said) == 4
        assert {one.split()[0] for one in said} == {"error"}
        assert sum("too many values" in one for one in said) == 2
        assert peak_mb < _MOST_MB

    def test_an_archive_of_zeros(self, tmp_path):
        path = tmp_path / "bomb.tar.gz"
        zeros = bytes(63 << 20)
        with tarfile.open(path, "w:gz", compresslevel=1) as archive:
            for i in range(20):
                member = tarfile.TarInfo(f"{i}.bin" if i else "0.wav")
                member.size = len(zeros)
                archive.addfile(member, io.BytesIO(zeros))
        said, peak_mb = scan_apart(tmp_path, path)
        assert len(said) == 2
        assert any("unpacks to more than 100 times its size" in one for one in said)
        assert peak_mb < _MOST_MB


def _write_row_groups(path: Path) -> None:
    """Four of a quarter of a gigabyte each, none of which is remarkable alone, and a little."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = pa.array([bytes(1 << 20)], pa.large_binary())
    cells = pa.concat_arrays([data] * 256)
    with pq.ParquetWriter(
        path, pa.schema({"audio": data.type}), compression="zstd", use_dictionary=False
    ) as writer:
        for one in (*[cells] * 4, data):
            writer.write_table(pa.table({"audio": one}))


@pytest.mark.slow
def test_a_resume_does_not_open_a_row_group_again(tmp_path, monkeypatch):
    path = tmp_path / "bomb.parquet"
    _write_row_groups(path)
    said = []
    each = Apart.each
    opened = []
    monkeypatch.setattr(Apart, "each", lambda *args: opened.append(args) or each(*args))
    for _ in range(2):
        with Apart() as own, Ledger(tmp_path / "l", detector="d") as ledger:
            sources = open_sources([path], apart=own)
            said += Scan(sources, ledger=ledger, workers=1, apart=own).run()
    assert said[0].message == said[1].message
    assert len(opened) == 1


@pytest.mark.slow
def test_a_resume_does_not_open_it_again(tmp_path, monkeypatch):
    path = tmp_path / "bomb.arrow"
    write_arrow_cell(path, n_bytes=1400 << 20)

    def scan(**limits):
        with Apart(limits=Limits(**limits)) as own, Ledger(tmp_path / "l", detector="d") as ledger:
            sources = open_sources([path], apart=own)
            (finding,) = Scan(sources, ledger=ledger, workers=1, apart=own).run()
        return finding.status, finding.message

    said = scan()
    assert said == ("error", "exceeded the memory limit")
    opened = []
    each = Apart.each
    monkeypatch.setattr(Apart, "each", lambda *args: opened.append(args) or each(*args))
    assert (scan(), opened) == (said, [])
    # Whoever allows it more has it tried again, and so has who replaced it.
    assert scan(memory_bytes=1200 << 20) == said
    assert len(opened) == 1
    os.utime(path, ns=(1, 1))
    assert scan(memory_bytes=1200 << 20) == said
    assert len(opened) == 2


class Deadly:
    """A source that does to the process that lists it what it is told."""

    def __init__(self, name: str, what: str) -> None:
        self.name = name
        self.what = what

    def open(self, name):
        self.act()

    def recordings(self):
        yield from TarSource(self.name).recordings()
        self.act()

    def act(self):
        match self.what:
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "hang":
                signal.pause()
            case "grow":
                bytearray(3 << 30)
            case "fail":
                raise AudioFileError("is of no use", path=self.name, remedy="Leave it.")

    def cuts(self):
        yield from self.recordings()

    def write_kept(self, out, *, refused):
        kept = [str(i) for i in range(100) if not refused(str(i))]
        out.write_text(" ".join(kept))
        return Kept(path=str(out), n_kept=len(kept), n_left_out=100 - len(kept))


@pytest.fixture
def shard(tmp_path):
    path = tmp_path / "shard.tar"
    with tarfile.open(path, "w") as archive:
        member = tarfile.TarInfo("a.wav")
        member.size = len(encode(1))
        archive.addfile(member, io.BytesIO(encode(1)))
    return str(path)


class TestApart:
    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("what", "status", "said"),
        [
            ("kill", "crashed", "killed the process that lists it"),
            ("hang", "timeout", "took too long to list"),
            ("grow", "error", "exceeded the memory limit"),
            ("fail", "error", "is of no use"),
        ],
    )
    def test_what_it_dies_of_is_one_finding_and_the_next_is_listed(self, shard, what, status, said):
        with Apart(limits=Limits(time_s=2.0)) as own:
            first, second = ApartSource(Deadly(shard, what), own).recordings()
            assert first.id == f"{shard}::a.wav"
            assert (second.id, second.status, second.message) == (shard, status, said)
            assert second.remedy
            (again,) = ApartSource(TarSource(shard), own).recordings()
            assert again == first

    def test_a_copy_asks_the_scan_what_is_refused(self, shard, tmp_path):
        with Apart() as own:
            source = ApartSource(Deadly(shard, ""), own)
            kept = source.write_kept(tmp_path / "out", refused=lambda one: one.endswith("7"))
        assert (kept.n_kept, kept.n_left_out) == (90, 10)
        assert "17" not in (tmp_path / "out").read_text().split()

    @pytest.mark.slow
    def test_listing_goes_no_further_than_it_is_taken(self, tmp_path):
        path = tmp_path / "a.jsonl"
        path.write_text("".join(json.dumps({"path": f"{i}.wav"}) + "\n" for i in range(20_000)))
        with Apart() as own:
            (source,) = open_sources([path], apart=own)
            found = source.recordings()
            assert next(found).id.endswith("0.wav")
            found.close()
            assert len(list(source.recordings())) == 20_000

    def test_every_listing_says_there_what_it_says_here(self, tmp_path):
        wav = tmp_path / "a.wav"
        wav.write_bytes(encode(1))
        paths = [make_listing(tmp_path / one, one, str(wav)) for one in (*LISTINGS, *COMMANDS)]
        with Apart() as own:
            for name in (*paths, *(path.parent for path in paths)):
                here = open_source(str(name), root=str(tmp_path))
                there = open_source(str(name), root=str(tmp_path), apart=own)
                assert list(there.recordings()) == list(here.recordings())
                assert list(there.cuts()) == list(here.cuts())

    def test_bytes_of_a_packed_archive_go_through_files_that_go(self, tmp_path):
        wav = encode(1, seconds=60)
        with tarfile.open(tmp_path / "a.tar.gz", "w:gz", compresslevel=1) as archive:
            for i in range(3):
                member = tarfile.TarInfo(f"{i}.wav")
                member.size = len(wav)
                archive.addfile(member, io.BytesIO(wav))
        with Apart() as own:
            (source,) = open_sources([tmp_path / "a.tar.gz"], apart=own)
            found = [one for one in source.recordings() if isinstance(one, Recording)]
            places = [one.place for one in found]
            assert all(isinstance(one, Spooled) for one in places)
            lent = pickle.loads(pickle.dumps(places[0]))  # noqa: S301 - our own
            assert fetch(lent, most_bytes=1 << 30) == wav
            del lent
            paths = [Path(one.path) for one in places]
            assert all(path.exists() for path in paths)
            del found, places
            assert not any(path.exists() for path in paths)

    def test_a_listing_is_opened_there_too(self, tmp_path, monkeypatch):
        (tmp_path / "a.jsonl").write_text('{"nothing": 1}\n')
        called = []
        call = Apart.open
        monkeypatch.setattr(Apart, "open", lambda *args: called.append(args[2]) or call(*args))
        with Apart() as own, pytest.raises(AudioFileError, match="no field of paths"):
            open_sources([tmp_path / "a.jsonl"], apart=own)
        assert called == [str(tmp_path / "a.jsonl")]

    @pytest.mark.parametrize(
        ("what", "said"),
        [("kill", "killed the process that lists it"), ("grow", TOO_MUCH_MEMORY)],
    )
    def test_what_it_dies_of_while_it_is_opened_is_one_finding(self, tmp_path, what, said):
        path = str(tmp_path / "a.jsonl")
        with Apart() as own:
            source = own.open(Deadly("", what).open, path)
            (finding,) = source.recordings()
            assert (finding.id, finding.message) == (path, said)
            assert list(source.cuts()) == []
            with pytest.raises(AudioFileError, match=said):
                source.write_kept(tmp_path / "out", refused=bool)


@pytest.mark.slow
@pytest.mark.by_turns
@pytest.mark.parametrize(
    "name", ["value.json", pytest.param("value.json.gz", marks=pytest.mark.slow)]
)
def test_a_named_value_that_is_too_large_is_one_row_and_the_rest_is_scanned(tmp_path, name):
    raw = b'{"a": [' + b"[0], " * 5_000_000 + b"[0]]}"
    (tmp_path / name).write_bytes(gzip.compress(raw, 1) if name.endswith(".gz") else raw)
    (tmp_path / "a.wav").write_bytes(encode(1))
    found = {one.id: one for one in scan_paths([tmp_path / name, tmp_path / "a.wav"], workers=1)}
    assert found[str(tmp_path / "a.wav")].status == "undetermined"
    large = found[str(tmp_path / name)]
    assert (large.status, large.cause) == ("error", "too much")
    assert large.message.endswith("it is longer than 16 MiB")
    assert len(found) == 2


def test_a_line_of_many_numbers_is_read():
    raw = json.dumps({"array": [0.125] * 500_000, "sampling_rate": 16_000}).encode()
    fields = parse_object(Line(number=1, raw=raw))
    assert isinstance(fields, dict)
    assert len(fields["array"]) == 500_000


@pytest.mark.parametrize(("n_packed", "n_bytes"), [(1, 1 << 30), (1 << 30, 50 << 30)])
def test_what_unpacks_as_honest_data_does_is_read(n_packed, n_bytes):
    packing.check_growth("a", n_packed=n_packed, n_bytes=n_bytes)


def test_a_stamp_tells_limits_apart(shard):
    stamps = {Apart(limits=Limits(time_s=s)).stamp(shard) for s in (1.0, 2.0)}
    assert len(stamps) == 2
    assert apart.Apart().stamp("s3://voices/a.tar") == ""


def test_a_recording_that_takes_too_much_is_not_met_again(tmp_path, monkeypatch):
    (tmp_path / "a.wav").write_bytes(encode(1))

    def examine_none(recordings, **_):
        for one in recordings:
            if isinstance(one, Finding):
                yield None, one
            else:
                yield (
                    one,
                    Finding(id=one.id, status="error", message=TOO_MUCH_MEMORY, cause="too much"),
                )

    monkeypatch.setattr(scanning, "examine_all", examine_none)

    def scan(memory_mib, **how):
        limits = Limits(memory_bytes=memory_mib << 20)
        with Ledger(tmp_path / "l", detector="d") as ledger:
            sources = open_sources([tmp_path / "a.wav"])
            one = Scan(sources, ledger=ledger, workers=1, limits=limits, **how)
            (finding,) = one.run()
            return finding.message, one.n_resumed

    assert scan(1) == (TOO_MUCH_MEMORY, 0)
    assert scan(1) == (TOO_MUCH_MEMORY, 1)
    assert scan(1, rescan=True) == (TOO_MUCH_MEMORY, 0)
    assert scan(3072) == (TOO_MUCH_MEMORY, 0)
