"""Which files are worked on, and where results go."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sottovoce.cli._inputs import find_sources
from sottovoce.cli._targets import name_targets
from sottovoce.errors import ParameterError

SUFFIXES = frozenset({".wav", ".flac"})


@pytest.fixture
def takes(tmp_path, monkeypatch):
    """A folder as a studio leaves it."""
    monkeypatch.chdir(tmp_path)
    for name in (
        "takes/b.wav",
        "takes/a.WAV",
        "takes/day two/c.flac",
        "takes/notes.txt",
        "takes/.hidden.wav",
        "takes/.cache/d.wav",
        "take.wav",
    ):
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return Path("takes")


def find(*names):
    return find_sources([Path(name) for name in names], suffixes=SUFFIXES).sources


def targets(*names, out=None, in_place=False):
    sources = find(*names)
    return [
        str(path)
        for path in name_targets(sources, out=Path(out) if out else None, in_place=in_place)
    ]


def test_a_folder_gives_its_audio_sorted(takes):
    assert [str(source.path) for source in find("takes")] == [
        "takes/a.WAV",
        "takes/b.wav",
        "takes/day two/c.flac",
    ]


def test_a_file_is_taken_whatever_its_name(takes):
    assert [source.path.name for source in find("takes/notes.txt")] == ["notes.txt"]


def test_a_file_named_twice_is_taken_once(takes):
    names = [source.path.name for source in find("takes/b.wav", "takes", "./takes/../takes/b.wav")]
    assert sorted(names) == ["a.WAV", "b.wav", "c.flac"]


def test_what_is_not_there_stands_among_the_sources_with_its_problem(takes):
    sources = find("nowhere.wav", "take.wav")
    assert [source.problem is None for source in sources] == [False, True]
    assert "does not exist" in str(sources[0].problem)


def test_a_folder_without_audio_is_a_problem(takes):
    Path("empty").mkdir()
    (source,) = find("empty")
    assert "no audio file" in str(source.problem)


def test_a_pipe_in_a_folder_is_left_out(takes):
    os.mkfifo("takes/pipe.wav")
    assert "pipe.wav" not in [source.path.name for source in find("takes")]


def select(*names, once=False):
    return find_sources([Path(name) for name in names], suffixes=SUFFIXES, once=once)


def paths(selection):
    return [str(source.path) for source in selection.sources]


def test_what_is_left_out_is_counted_by_suffix(takes):
    for name in ("a.zip", "b.ZIP", "c.pdf", "README", "day two/d.zip"):
        (takes / name).write_bytes(b"no sound")
    os.mkfifo(takes / "pipe.wav")
    assert select("takes").not_looked_at == {
        ".zip": 3,
        ".pdf": 1,
        ".txt": 1,
        "without suffix": 1,
        "hidden": 2,
        "special": 1,
    }


@pytest.mark.parametrize("name", ["take", "take.bak", "take.WAVE~"])
def test_sound_of_an_unusual_suffix_is_told_by_its_first_bytes(name, takes):
    (takes / name).write_bytes(b"RIFF\x24\0\0\0WAVEfmt ")
    assert f"takes/{name}" in paths(select("takes"))


def test_links_are_followed_inside_the_folder_only(takes):
    Path("other").mkdir()
    Path("other/x.wav").touch()
    for link, target in {
        "in.wav": "day two/c.flac",
        "later": "day two",
        "loop": "..",
        "day two/up": "..",
        "out": "../other",
        "out.wav": "../other/x.wav",
        "out.txt": "/etc/hostname",
        "dead.wav": "nowhere.wav",
    }.items():
        (takes / link).symlink_to(target)
    selection = select("takes")
    assert paths(selection) == [
        "takes/a.WAV",
        "takes/b.wav",
        "takes/in.wav",
        "takes/day two/c.flac",
        "takes/later/c.flac",
    ]
    reasons = {str(link.path): link.reason for link in selection.links}
    assert reasons == {
        "takes/loop": "leads out of the folder",
        "takes/out": "leads out of the folder",
        "takes/out.wav": "leads out of the folder",
        "takes/out.txt": "leads out of the folder",
        "takes/dead.wav": "leads nowhere",
        "takes/day two/up": "leads in a circle",
        "takes/later/up": "leads in a circle",
    }
    unheard = {link.path.name for link in selection.links if link.may_hold_sound}
    assert unheard == {"loop", "out", "out.wav"}


def test_folders_that_all_lead_to_each_other_come_to_an_end(tmp_path):
    for number in range(12):
        (tmp_path / f"{number}").mkdir()
        (tmp_path / f"{number}" / "take.wav").touch()
        for other in range(12):
            if other != number:
                (tmp_path / f"{number}" / f"to{other}").symlink_to(f"../{other}")
    selection = select(tmp_path)
    assert 12 <= len(selection.sources) <= 12 * (16 + 1)
    assert any("names of a folder" in link.reason for link in selection.links)


def test_two_names_for_one_file_are_both_taken_unless_it_is_replaced(takes):
    (takes / "hard.wav").hardlink_to(takes / "b.wav")
    (takes / "again.wav").symlink_to("b.wav")
    Path("elsewhere.wav").hardlink_to(takes / "b.wav")
    (takes / "later").symlink_to("day two")
    assert paths(select("takes")) == [
        "takes/a.WAV",
        "takes/again.wav",
        "takes/b.wav",
        "takes/hard.wav",
        "takes/day two/c.flac",
        "takes/later/c.flac",
    ]
    once = select("takes", once=True)
    assert paths(once) == ["takes/a.WAV", "takes/b.wav", "takes/day two/c.flac"]
    source = once.sources[1]
    assert [twin.name for twin in source.twins] == ["hard.wav"]
    assert source.n_other_names == 1


def test_a_name_that_is_not_utf_8_keeps_its_bytes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = os.fsdecode(b"t\xe9l\xe9")
    Path(name).mkdir()
    Path(name, name + ".WAV").touch()
    (target,) = targets(name, out="out")
    assert os.fsencode(target) == b"out/t\xe9l\xe9.WAV"


def test_a_file_gets_its_mark_in_its_name(takes):
    assert targets("take.wav") == ["take.protected.wav"]


def test_a_folder_gets_a_twin_beside_it(takes):
    assert targets("takes") == [
        "takes.protected/a.WAV",
        "takes.protected/b.wav",
        "takes.protected/day two/c.flac",
    ]


def test_the_folder_that_one_is_in_gets_a_twin_beside_it(takes, monkeypatch):
    here = Path.cwd()
    monkeypatch.chdir("takes")
    assert targets(".")[0] == str(here / "takes.protected" / "a.WAV")


def test_one_file_goes_to_the_name_given(takes):
    assert targets("take.wav", out="x/out.flac") == ["x/out.flac"]


def test_one_file_goes_into_a_folder_under_its_own_name(takes):
    Path("there.d").mkdir()
    assert targets("take.wav", out="there.d") == ["there.d/take.wav"]
    assert targets("take.wav", out="new") == ["new/take.wav"]


def test_a_folder_is_mirrored(takes):
    assert targets("takes", out="out")[2] == "out/day two/c.flac"


def test_several_folders_keep_their_names(takes):
    assert targets("takes", "take.wav", out="out") == [
        "out/takes/a.WAV",
        "out/takes/b.wav",
        "out/takes/day two/c.flac",
        "out/take.wav",
    ]


def test_in_place_is_the_file_itself(takes):
    assert targets("take.wav", in_place=True) == ["take.wav"]


def test_in_place_and_an_output_contradict(takes):
    with pytest.raises(ParameterError, match="contradict"):
        targets("take.wav", out="x.wav", in_place=True)


@pytest.mark.parametrize("out", ["take.wav", "./takes/../take.wav", "link.wav"])
def test_an_output_that_is_the_input_is_refused(takes, out):
    Path("link.wav").symlink_to("take.wav")
    with pytest.raises(ParameterError, match="would be overwritten") as caught:
        targets("take.wav", out=out)
    assert "--in-place" in caught.value.remedy


@pytest.mark.parametrize("out", ["takes", "takes/out", "./takes/day two/x"])
def test_an_output_inside_the_input_folder_is_refused(takes, out):
    with pytest.raises(ParameterError, match=r"would be overwritten|inside the input folder"):
        targets("takes", out=out)


def test_two_inputs_never_share_an_output(takes):
    Path("other").mkdir()
    Path("other/take.wav").touch()
    with pytest.raises(ParameterError, match="would both be written"):
        targets("take.wav", "other/take.wav", out="out")
