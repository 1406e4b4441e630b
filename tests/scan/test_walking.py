"""A walk through a folder costs little for each recording, and yields everything once."""

from __future__ import annotations

import tarfile

from sottovoce.scan import open_sources
from sottovoce.scan.opening.walking import walk
from tests.scan.conftest import encode, read


def test_a_recording_that_its_name_tells_is_not_opened(tmp_path, monkeypatch):
    (tmp_path / "a.wav").write_bytes(encode())

    def fail(path):
        raise AssertionError(path)

    monkeypatch.setattr("sottovoce.scan.opening.walking.read_head", fail)
    assert list(walk(str(tmp_path))) == [f"{tmp_path}/a.wav"]


def test_an_archive_that_begins_like_sound_is_read_as_an_archive(tmp_path):
    (tmp_path / "fLaC").write_bytes(encode())
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(tmp_path / "fLaC", arcname="fLaC")
    (tmp_path / "fLaC").unlink()
    (source,) = open_sources([tmp_path])
    assert set(read(source)) == {f"{tmp_path}/a.tar::fLaC"}


def test_folders_are_sorted_and_hidden_ones_are_told(tmp_path):
    for name in ("b/2.wav", "b/1.wav", "a/3.wav", ".h/x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(encode())
    found = [one if isinstance(one, str) else one.kind for one in walk(str(tmp_path))]
    names = [f"{tmp_path}/{name}" for name in ("a/3.wav", "b/1.wav", "b/2.wav")]
    assert found == ["hidden sound", *names]
