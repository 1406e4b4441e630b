from __future__ import annotations

import base64
import io
import json
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile as sf

from sottovoce.abx.pack import write_abx_pack
from sottovoce.errors import AudioFileError, ParameterError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def pack(tmp_path: Path, clip_path: Path) -> Path:
    folder = tmp_path / "pack"
    about = write_abx_pack(clip_path, folder, strength_db=1.18, n_trials=12, seed=3)
    assert (about.n_trials, about.n_excerpts) == (12, 3)
    return folder


def facts_of(folder: Path) -> dict:
    page = (folder / "index.html").read_text(encoding="utf-8")
    found = re.search(r"const pack = (\{.*\});", page)
    assert found is not None
    return json.loads(found.group(1))


def key_of(folder: Path) -> dict:
    found = re.fullmatch(r'abxKey\("(.*)"\);\n', (folder / "key.js").read_text())
    assert found is not None
    return json.loads(base64.b64decode(found.group(1)))


def sound_of(folder: Path, name: str) -> sf.SoundFile:
    script = (folder / "sounds" / f"{name}.js").read_text()
    found = re.fullmatch(rf'abxSound\("{name}","(.*)"\);\n', script)
    assert found is not None
    return sf.SoundFile(io.BytesIO(base64.b64decode(found.group(1))))


def test_x_is_what_the_key_says(pack: Path) -> None:
    key, trials = key_of(pack)["key"], facts_of(pack)["trials"]
    assert len(key) == len(trials) == 12
    assert set(key) == {"A", "B"}
    for letter, trial in zip(key, trials, strict=True):
        a, b, x = (sound_of(pack, trial[name]).read(dtype="int32") for name in "abx")
        assert not np.array_equal(a, b)
        np.testing.assert_array_equal(x, a if letter == "A" else b)


def test_no_name_tells_which_is_which(pack: Path) -> None:
    facts = facts_of(pack)
    names = {trial[role]: role for trial in facts["trials"] for role in "abx"}
    shared = [n for n in names if any(n == t["x"] for t in facts["trials"]) and names[n] != "x"]
    assert shared == []
    assert all(re.fullmatch("[0-9a-f]{12}", name) for name in names)
    # nor does the size or the order in which the files were made
    for trial in facts["trials"]:
        sizes = {(pack / "sounds" / f"{trial[role]}.js").stat().st_size for role in "abx"}
        assert len(sizes) == 1


def test_the_page_is_one_file_without_network_and_key(pack: Path) -> None:
    page = (pack / "index.html").read_text(encoding="utf-8")
    assert "http" not in page
    assert "/*PACK*/" not in page
    assert '"key"' not in page
    assert set(facts_of(pack)) == {"file", "strength_db", "sr", "pack", "trials"}
    assert '"A"' not in (pack / "key.js").read_text()


def test_everything_that_the_script_reaches_for_is_there(pack: Path) -> None:
    page = (pack / "index.html").read_text(encoding="utf-8")
    markup, _, script = page.partition("<script>")
    there = set(re.findall(r' id="([\w-]+)"', markup))
    wanted = set(re.findall(r'\$\("([\w-]+)"\)', script)) | {f"hear-{each}" for each in "abx"}
    assert wanted <= there
    assert len(there) == len(re.findall(r' id="', markup))


def test_a_is_the_original_between_short_fades(pack: Path, clip: tuple) -> None:
    y, sr = clip
    original = np.rint(y * 32_768).astype(np.int32)
    for trial in facts_of(pack)["trials"][:3]:
        with sound_of(pack, trial["a"]) as file:
            assert (file.samplerate, file.subtype) == (sr, "PCM_16")
            a = file.read(dtype="int32") >> 16
        assert 3 * sr < len(a) <= 12 * sr
        middle = a[round(0.02 * sr) : -round(0.02 * sr)]
        at = [
            i
            for i in np.flatnonzero(original[: -len(middle)] == middle[0])
            if np.array_equal(original[i : i + len(middle)], middle)
        ]
        assert len(at) == 1
        assert abs(a[0]) <= 1


@pytest.mark.parametrize(
    ("peak", "subtype", "stored"),
    [
        (0.9, "PCM_16", "PCM_16"),
        (0.9, "PCM_24", "PCM_24"),
        (0.9, "FLOAT", "PCM_24"),
        (1.5, "FLOAT", "FLOAT"),
    ],
)
def test_samples_keep_their_width_and_level(
    tmp_path: Path, clip: tuple, peak: float, subtype: str, stored: str
) -> None:
    y, sr = clip
    y = y[: 6 * sr] * (peak / np.abs(y[: 6 * sr]).max())
    sf.write(tmp_path / "take.wav", np.stack([y, 0.5 * y], axis=1), sr, subtype=subtype)
    write_abx_pack(tmp_path / "take.wav", tmp_path / "pack", strength_db=1.18, n_trials=5, seed=0)
    trial = facts_of(tmp_path / "pack")["trials"][0]
    for role in "abx":
        with sound_of(tmp_path / "pack", trial[role]) as file:
            assert (file.subtype, file.channels) == (stored, 2)
            assert np.abs(file.read()).max() == pytest.approx(peak, rel=0.15)


def test_the_same_seed_makes_the_same_test(pack: Path, tmp_path: Path, clip_path: Path) -> None:
    write_abx_pack(clip_path, tmp_path / "two", strength_db=1.18, n_trials=12, seed=3)
    names = sorted(path.relative_to(pack) for path in pack.rglob("*.*"))
    assert names == sorted(p.relative_to(tmp_path / "two") for p in (tmp_path / "two").rglob("*.*"))
    for name in names:
        assert (tmp_path / "two" / name).read_bytes() == (pack / name).read_bytes()


def test_a_name_cannot_leave_the_script(tmp_path: Path, clip_path: Path) -> None:
    odd = tmp_path / "a'b\" <!-- <script>.flac"
    odd.write_bytes(clip_path.read_bytes())
    write_abx_pack(odd, tmp_path / "odd", strength_db=1.18, n_trials=5, seed=1)
    assert facts_of(tmp_path / "odd")["file"] == odd.name
    page = (tmp_path / "odd" / "index.html").read_text(encoding="utf-8")
    assert page.count("<script>") == 1


class TestRefusals:
    def test_a_folder_with_something_in_it(self, tmp_path: Path, clip_path: Path) -> None:
        folder = tmp_path / "pack"
        folder.mkdir()
        (folder / "take.wav").write_bytes(b"my only copy")
        for replace in (False, True):
            with pytest.raises(ParameterError, match=r"not empty|not a listening test"):
                write_abx_pack(clip_path, folder, strength_db=1.18, replace=replace)
        assert (folder / "take.wav").read_bytes() == b"my only copy"

    def test_an_earlier_test_unless_it_is_to_be_replaced(self, pack: Path, clip_path: Path) -> None:
        before = key_of(pack)
        with pytest.raises(ParameterError, match="not empty"):
            write_abx_pack(clip_path, pack, strength_db=1.18)
        assert key_of(pack) == before
        write_abx_pack(clip_path, pack, strength_db=1.18, n_trials=7, replace=True)
        assert key_of(pack) != before
        assert len(key_of(pack)["key"]) == 7
        assert [path.name for path in pack.parent.iterdir()] == ["pack"]

    def test_silence(self, tmp_path: Path) -> None:
        sf.write(tmp_path / "silence.wav", np.zeros(32_000), 16_000)
        with pytest.raises(ParameterError, match="no sound"):
            write_abx_pack(tmp_path / "silence.wav", tmp_path / "pack", strength_db=1.18)
        assert [path.name for path in tmp_path.iterdir()] == ["silence.wav"]

    def test_too_few_trials(self, tmp_path: Path, clip_path: Path) -> None:
        with pytest.raises(ParameterError, match="5 to 100"):
            write_abx_pack(clip_path, tmp_path / "pack", strength_db=1.18, n_trials=2)

    def test_a_place_that_cannot_be_written(self, tmp_path: Path, clip_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(AudioFileError, match="cannot be written"):
            write_abx_pack(clip_path, tmp_path / "file" / "pack", strength_db=1.18, n_trials=5)
