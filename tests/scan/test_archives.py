"""Tar archives: read where they lie, copied sample by sample, and not believed."""

from __future__ import annotations

import gzip
import io
import tarfile
from typing import TYPE_CHECKING

import fsspec
import pytest

from sottovoce.scan.archives.archive_source import key_of
from sottovoce.scan.archives.tar_source import TarSource
from sottovoce.scan.recording import Inline, Member
from tests.scan.conftest import all_read, encode, findings, read, recordings, refuse

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}


def member(name: str, data: bytes = b"", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size, info.mtime = len(data), 1_700_000_000
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def write_tar(
    path: Path, members: list[tuple[tarfile.TarInfo, bytes]], *, mode: str = "w", form: str = "pax"
) -> Path:
    with tarfile.open(path, mode, format=FORMATS[form]) as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return path


def shard(n: int = 4) -> list[tuple[tarfile.TarInfo, bytes]]:
    """Samples of WebDataset's kind: a recording and what is said of it."""
    return [
        one
        for i in range(n)
        for one in (
            member(f"{i:04d}.wav", encode(i)),
            member(f"{i:04d}.json", b'{"text": "a"}'),
        )
    ]


def names_in(path: Path) -> list[str]:
    with tarfile.open(path) as archive:
        return archive.getnames()


@pytest.mark.parametrize("form", FORMATS)
def test_the_members_of_a_shard_are_read_where_they_lie(tmp_path: Path, form: str) -> None:
    long = "folder-" + "n" * 90 + "/" + "m" * 90 + ".wav"
    path = write_tar(tmp_path / "a.tar", [*shard(), member(long, encode())], form=form)
    source = TarSource(str(path))
    assert all_read(source, 5)
    found = recordings(source)
    assert next(iter(found)) == f"{path}::0000.wav"
    assert f"{path}::{long}" in found
    one = found[f"{path}::0001.wav"]
    assert isinstance(one.place, Member)
    assert (one.modified_s, one.groups, one.n_bytes) == (
        1_700_000_000,
        {"shard": "a.tar"},
        len(encode()),
    )


def test_names_in_any_script_are_ids(tmp_path: Path) -> None:
    for form in ("gnu", "pax"):
        path = write_tar(tmp_path / f"{form}.tar", [member("ä/ø語.wav", encode())], form=form)
        assert list(recordings(TarSource(str(path)))) == [f"{path}::ä/ø語.wav"]


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz"])
def test_packed_archives_are_read_in_passing_and_copied_packed(tmp_path: Path, suffix: str) -> None:
    path = write_tar(tmp_path / f"a.tar.{suffix}", shard(), mode=f"w:{suffix}")
    source = TarSource(str(path))
    assert all(isinstance(one.place, Inline) for one in recordings(source).values())
    assert all_read(source, 4)
    out = tmp_path / f"kept.tar.{suffix}"
    kept = source.write_kept(out, refused=refuse(f"{path}::0002.wav"))
    assert (kept.n_kept, kept.n_left_out) == (3, 1)
    with tarfile.open(out, f"r:{suffix}") as archive:
        assert archive.getnames() == [name for name in names_in(path) if "0002" not in name]


def test_zstd_is_unpacked_by_pyarrow(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    plain = write_tar(tmp_path / "a.tar", shard())
    path = tmp_path / "a.tar.zst"
    with pa.CompressedOutputStream(str(path), "zstd") as file:
        file.write(plain.read_bytes())
    source = TarSource(str(path))
    assert all_read(source, 4)
    out = tmp_path / "kept.tar.zst"
    source.write_kept(out, refused=refuse(f"{path}::0000.wav"))
    assert all_read(TarSource(str(out)), 3)


def test_a_copy_lacks_whole_samples_and_keeps_the_rest_byte_for_byte(tmp_path: Path) -> None:
    readme = member("README", b"about")
    path = write_tar(tmp_path / "a.tar", [readme, *shard()])
    out = tmp_path / "out" / "a.tar"
    kept = TarSource(str(path)).write_kept(out, refused=refuse(f"{path}::0001.wav"))
    assert (kept.path, kept.n_kept, kept.n_left_out) == (str(out), 4, 1)
    assert names_in(out) == [
        "README",
        *(f"{i:04d}.{kind}" for i in (0, 2, 3) for kind in ("wav", "json")),
    ]
    assert list(out.parent.iterdir()) == [out]
    again = tmp_path / "again.tar"
    TarSource(str(path)).write_kept(again, refused=refuse())
    assert again.read_bytes() == path.read_bytes()


def test_examples_are_samples(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", shard(2))
    cuts = list(TarSource(str(path)).cuts())
    assert [(cut.id, cut.recording_id) for cut in cuts] == [
        (f"{path}::0000", f"{path}::0000.wav"),
        (f"{path}::0001", f"{path}::0001.wav"),
    ]


def test_a_key_ends_at_the_first_dot_of_the_name() -> None:
    assert key_of("a.b/c.speaker.wav") == "a.b/c"
    assert key_of("./c.wav") == "./c"
    assert key_of("README") == key_of(".hidden") == ""


def test_a_name_that_comes_twice_is_two_recordings(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", [member("a.wav", encode(0)), member("a.wav", encode(1))])
    assert all_read(TarSource(str(path)), 2)


def test_shards_are_read_at_an_address(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", shard())
    with fsspec.open("memory://shards/a.tar", "wb") as file:
        file.write(path.read_bytes())
    source = TarSource("memory://shards/a.tar")
    assert all_read(source, 4)
    out = tmp_path / "kept.tar"
    source.write_kept(out, refused=refuse("memory://shards/a.tar::0000.wav"))
    assert all_read(TarSource(str(out)), 3)


def test_only_regular_members_are_recordings(tmp_path: Path) -> None:
    path = write_tar(
        tmp_path / "a.tar",
        [
            member("../../etc/up.wav", encode()),
            member("/abs.wav", encode()),
            member("link.wav", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
            member("hard.wav", type=tarfile.LNKTYPE, linkname="/abs.wav"),
            member("pipe.wav", type=tarfile.FIFOTYPE),
            member("device.wav", type=tarfile.CHRTYPE),
            member("folder.wav", type=tarfile.DIRTYPE),
        ],
    )
    source = TarSource(str(path))
    assert list(recordings(source)) == [f"{path}::../../etc/up.wav", f"{path}::/abs.wav"]
    assert all_read(source, 2)
    assert [one.name for one in tmp_path.iterdir()] == ["a.tar"]


@pytest.mark.parametrize(
    ("at", "n"), [(0, 0), (300, 0), (512, 0), (700, 0), (20_000, 1), (35_000, 2)]
)
def test_of_an_archive_that_is_cut_short_what_came_before_counts(
    tmp_path: Path, at: int, n: int
) -> None:
    data = write_tar(tmp_path / "whole.tar", shard()).read_bytes()
    path = tmp_path / "cut.tar"
    path.write_bytes(data[:at])
    source = TarSource(str(path))
    *_, last = source.recordings()
    assert (last.id, last.status) == (str(path), "error")
    assert "cut short" in last.message
    whole = [one for one in read(source).values() if one.status == "undetermined"]
    assert len(whole) == n
    kept = source.write_kept(tmp_path / "kept.tar", refused=refuse())
    assert kept.n_kept == n
    assert findings(TarSource(str(tmp_path / "kept.tar"))) == []
    assert all_read(TarSource(str(tmp_path / "kept.tar")), n)


def test_a_packed_archive_that_is_cut_short_says_so(tmp_path: Path) -> None:
    data = write_tar(tmp_path / "whole.tar.gz", shard(), mode="w:gz").read_bytes()
    path = tmp_path / "cut.tar.gz"
    path.write_bytes(data[: len(data) // 2])
    assert len(recordings(TarSource(str(path)))) == 1
    assert findings(TarSource(str(path)))[0].status == "error"
    kept = TarSource(str(path)).write_kept(tmp_path / "kept.tar.gz", refused=refuse())
    assert 1 <= kept.n_kept <= 2  # the second sample's recording may be whole, and its text not
    assert findings(TarSource(str(tmp_path / "kept.tar.gz"))) == []


def test_a_damaged_header_is_told_and_not_taken_for_the_end(tmp_path: Path) -> None:
    data = bytearray(write_tar(tmp_path / "whole.tar", shard()).read_bytes())
    second = data.index(b"0001.wav")
    data[second] ^= 1
    path = tmp_path / "bad.tar"
    path.write_bytes(data)
    (finding,) = findings(TarSource(str(path)))
    assert "damaged header" in finding.message
    assert finding.remedy


def hostile_header(size: bytes, kind: bytes = b"0", name: bytes = b"a.wav") -> bytes:
    block = bytearray(512)
    block[: len(name)] = name
    block[100:108] = b"0000644\0"
    block[124:136] = size.ljust(12, b"\0")
    block[136:148] = b"0" * 11 + b"\0"
    block[156:157] = kind
    block[257:265] = b"ustar\x0000"
    block[148:156] = b" " * 8
    block[148:156] = f"{sum(block):06o}\0 ".encode()
    return bytes(block)


@pytest.mark.parametrize(
    "data",
    [
        hostile_header(b"\xff" * 11 + b"\0"),  # a negative size, which made readers go in circles
        hostile_header(b"\x80" + b"\xff" * 11),
        hostile_header(b"77777777777"),
        hostile_header(b"zzz"),
        hostile_header(b"77777777777", kind=b"x"),
        hostile_header(b"77777777777", kind=b"L"),
        hostile_header(b"00000001000", kind=b"x") + b"9" * 512 + hostile_header(b"0"),
        hostile_header(b"00000000024", kind=b"x") + b"20 path=a\n".ljust(512, b"\0"),
        hostile_header(b"00000000014", kind=b"g") + b"12 size=99\n\n".ljust(512, b"\0"),
        hostile_header(b"00000000014", kind=b"x") + b"12 size=-9\n".ljust(512, b"\0"),
        b"\x1f\x8b" + b"\0" * 600,
        b"BZh9" + b"\xff" * 600,
        b"\x28\xb5\x2f\xfd" + b"\xff" * 600,
        b"no archive at all " * 100,
    ],
)
def test_hostile_headers_are_findings(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "hostile.tar"
    path.write_bytes(data + b"\0" * 1024 if data[:1] == b"a" else data)
    source = TarSource(str(path))
    (finding,) = findings(source)
    assert finding.status in {"error", "unsupported"}
    assert finding.message
    list(source.cuts())
    assert source.write_kept(tmp_path / "kept.tar", refused=refuse()).n_kept == 0


def test_a_bomb_is_not_held_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.tar.gz"
    zeros = bytes(1 << 20)
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(hostile_header(f"{80 << 20:011o}".encode()))
        for _ in range(80):
            file.write(zeros)
        file.write(bytes(1024))
    (finding,) = findings(TarSource(str(path)))
    assert finding.id == f"{path}::a.wav"
    assert finding.status == "unsupported"
    assert "83,886,080 bytes" in finding.message


def test_a_name_that_is_no_utf8_gives_an_id_that_is(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    data = encode()
    header = hostile_header(f"{len(data):011o}".encode(), name=b"\xff\xfe.wav")
    path.write_bytes(header + data + bytes(-len(data) % 512) + bytes(1024))
    (recording_id,) = recordings(TarSource(str(path)))
    assert recording_id.encode() == f"{path}::\\udcff\\udcfe.wav".encode()
    assert all_read(TarSource(str(path)), 1)
