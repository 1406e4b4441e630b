"""From one recording to its finding, whatever the bytes are."""

from __future__ import annotations

import io
import os
import subprocess

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.errors import UnreadableAudioError
from sottovoce.scan.limits import Limits
from sottovoce.scan.reach.reach import Reach
from sottovoce.scan.recording import File, Inline, Member, Recording
from sottovoce.scan.stores.lone_files import describe_file
from sottovoce.scan.workers.examine import ENOUGH_S, examine
from tests.scan.conftest import OWNER

LIMITS = Limits(memory_bytes=0)


def encode(y, sr, kind="FLAC", subtype="PCM_16"):
    file = io.BytesIO()
    sf.write(file, y, sr, format=kind, subtype=subtype)
    return file.getvalue()


def look(data, **limits):
    recording = Recording(id="it", place=Inline(data), stamp="1", n_bytes=len(data))
    return examine(recording, limits=Limits(memory_bytes=0, **limits))


class TestVerdicts:
    def test_a_marked_file_is_marked_and_says_whose(self, dataset):
        finding = examine(describe_file(str(dataset / "anna" / "long.flac")), limits=LIMITS)
        assert finding.status == "marked"
        assert finding.owner_ids == (OWNER,)
        assert finding.policies == (0x0F,)
        assert finding.log10_p < -6
        assert finding.voices[0]["segments_s"]
        assert finding.format == "FLAC PCM_16"

    def test_a_marked_file_stays_marked_whatever_comes_of_its_digests(self, marked, monkeypatch):
        data = encode(*marked)
        whole = look(data)
        assert len(whole.sha256) == len(whole.pcm_sha256) == 64
        cut = look(data, seconds=10)
        assert (cut.status, cut.sha256, cut.pcm_sha256) == ("marked", whole.sha256, "")

        def fail(path, *, data):
            raise UnreadableAudioError(f"{path}: is gone")

        monkeypatch.setattr("sottovoce.scan.workers.examine.pcm_sha256", fail)
        unread = look(data)
        assert (unread.status, unread.sha256, unread.pcm_sha256) == ("marked", whole.sha256, "")

    def test_an_unmarked_file_is_clean(self, dataset):
        finding = examine(describe_file(str(dataset / "bert" / "long.flac")), limits=LIMITS)
        assert finding.status == "clean"
        assert finding.voices == ()

    def test_a_short_one_is_undetermined(self, dataset):
        finding = examine(describe_file(str(dataset / "carl" / "word.wav")), limits=LIMITS)
        assert finding.status == "undetermined"
        assert finding.sound_s < ENOUGH_S

    def test_silence_is_undetermined_however_long(self, dataset):
        finding = examine(describe_file(str(dataset / "carl" / "silence.flac")), limits=LIMITS)
        assert finding.status == "undetermined"
        assert finding.seconds == 20.0
        assert finding.sound_s == 0.0

    def test_bytes_and_members_give_what_files_give(self, dataset, tmp_path):
        path = dataset / "anna" / "long.flac"
        data = path.read_bytes()
        (tmp_path / "archive").write_bytes(b"x" * 1000 + data + b"y" * 1000)
        places = [
            File(str(path)),
            Inline(data),
            Member(str(tmp_path / "archive"), 1000, len(data)),
        ]
        recordings = [Recording(id="it", place=place, stamp="1") for place in places]
        first, *others = (examine(one, limits=LIMITS) for one in recordings)
        assert first.status == "marked"
        assert all(other == first for other in others)


@pytest.fixture(scope="module")
def film(tmp_path_factory, clip, marked):
    """The clip as the first track, its first half with the mark as the second."""
    folder = tmp_path_factory.mktemp("tracks")
    y, sr = clip
    sf.write(folder / "0.wav", y, sr)
    sf.write(folder / "1.wav", marked[0][: len(y) // 2], sr)
    inputs = ["-i", "0.wav", "-i", "1.wav", "-map", "0:a", "-map", "1:a"]
    languages = ["-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=fra"]
    command = ["ffmpeg", "-v", "error", *inputs, *languages, "-c:a", "flac", "film.mka"]
    subprocess.run(command, cwd=folder, check=True)
    return folder / "film.mka"


@pytest.mark.codec
class TestSeveralTracks:
    def test_each_has_a_verdict_and_one_that_refuses_refuses_all(self, film, clip):
        finding = examine(describe_file(str(film)), limits=LIMITS)
        assert finding.status == "marked"
        first, second = finding.tracks
        assert (first["name"], second["name"]) == ("track 1 (eng)", "track 2 (fra)")
        assert (first["status"], second["status"]) == ("clean", "marked")
        assert (first["owner_ids"], second["owner_ids"]) == ([], [OWNER])
        assert first["seconds"] == pytest.approx(len(clip[0]) / clip[1], abs=0.01)
        assert second["seconds"] == pytest.approx(first["seconds"] / 2, abs=0.01)
        assert second["log10_p"] == finding.log10_p < -6
        # They play together: together they are as long as the longer one.
        assert (finding.seconds, finding.sound_s) == (first["seconds"], first["sound_s"])
        assert {voice["track"] for voice in finding.voices} == {"track 2 (fra)"}

    def test_a_file_of_one_track_names_none(self, dataset):
        finding = examine(describe_file(str(dataset / "anna" / "long.flac")), limits=LIMITS)
        assert finding.tracks == ()
        assert "track" not in finding.voices[0]


class TestDamage:
    @pytest.mark.parametrize(
        ("kind", "subtype"), [("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS")]
    )
    @pytest.mark.parametrize("lost", [1, 2_000, 50_000])
    def test_a_file_that_is_cut_short_is_never_clean(self, kind, subtype, lost, clip):
        data = encode(*clip, kind, subtype)
        finding = look(data[:-lost])
        assert finding.status in {"partial", "error"}
        assert finding.message
        assert not finding.message.startswith("it:")

    def test_a_wav_that_is_cut_short_is_never_clean(self, clip):
        data = encode(*clip, "WAV")
        finding = look(data[: len(data) // 2])
        assert finding.status == "partial"

    def test_a_mark_counts_in_what_could_be_read(self, marked):
        data = encode(*marked, "WAV")
        finding = look(data[: len(data) // 2])
        assert finding.status == "marked"
        assert finding.message

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(b"", id="nothing"),
            pytest.param(b"RIFF", id="four bytes"),
            pytest.param(b"no audio " * 100, id="text"),
            pytest.param(bytes(10_000), id="zeros"),
            pytest.param(b"fLaC" + bytes(1000), id="a FLAC of zeros"),
        ],
    )
    def test_what_is_no_audio_is_an_error(self, data):
        finding = look(data)
        assert finding.status == "error"
        assert finding.log10_p is None
        assert finding.message

    @given(
        data=st.binary(max_size=2000), head=st.sampled_from([b"", b"RIFF", b"OggS", b"\xff\xfb"])
    )
    def test_no_bytes_raise(self, data, head):
        assert look(head + data).status in {"error", "unsupported", "partial"}

    def test_nan_is_an_error_that_names_it(self):
        y = np.full(16_000, np.nan, dtype=np.float32)
        finding = look(encode(y, 16_000, "WAV", "FLOAT"))
        assert finding.status == "error"
        assert "NaN" in finding.message

    def test_absurd_levels_are_listened_to(self):
        y = np.full(16_000, 1e30, dtype=np.float32)
        assert look(encode(y, 16_000, "WAV", "FLOAT")).status == "undetermined"

    def test_one_sample_is_undetermined(self):
        assert look(encode(np.zeros(1), 16_000, "WAV")).status == "undetermined"

    def test_a_rate_out_of_range_is_unsupported(self):
        finding = look(encode(np.zeros(1000), 4_000, "WAV"))
        assert finding.status == "unsupported"
        assert "4000 Hz" in finding.message


class TestLimits:
    def test_audio_beyond_the_limit_is_left_unread_and_said_so(self, clip):
        finding = look(encode(*clip), seconds=10.0)
        assert finding.status == "partial"
        assert 10.0 <= finding.seconds < 21.0
        assert "hours" in finding.message

    def test_a_file_of_exactly_the_limit_is_whole(self, clip):
        y, sr = clip
        assert look(encode(y[: 10 * sr], sr), seconds=10.0).status == "clean"

    def test_too_many_channels_are_unsupported(self):
        data = encode(np.zeros((1000, 3)), 16_000, "WAV")
        assert look(data, channels=2).status == "unsupported"

    def test_too_many_bytes_are_not_read(self, dataset):
        path = str(dataset / "anna" / "long.flac")
        recording = Recording(id="it", place=Member(path, 0, 5000), stamp="1")
        finding = examine(recording, limits=Limits(bytes=4000))
        assert finding.status == "error"
        assert "5,000 bytes" in finding.message

    def test_time_that_runs_out_leaves_what_was_read(self, clip):
        y, sr = clip
        finding = look(encode(np.resize(y, 600 * sr), sr), time_s=0.05, time_per_mib_s=0.0)
        assert finding.status == "partial"
        assert "0 s" in finding.message


class TestFiles:
    def test_a_pipe_is_not_opened(self, tmp_path):
        os.mkfifo(tmp_path / "pipe.wav")
        finding = describe_file(str(tmp_path / "pipe.wav"))
        assert finding.status == "unsupported"

    def test_a_link_that_leads_out_is_not_followed(self, dataset, tmp_path):
        root = tmp_path / "root"
        root.mkdir()
        (root / "out.flac").symlink_to(dataset / "anna" / "long.flac")
        (root / "gone.flac").symlink_to(root / "nowhere.flac")
        (root / "own.flac").write_bytes(b"x")
        (root / "in.flac").symlink_to(root / "own.flac")
        names = ("out.flac", "gone.flac", "in.flac")
        found = {n: describe_file(str(root / n), reach=Reach(within=str(root))) for n in names}
        assert found["out.flac"].status == "unsupported"
        assert found["gone.flac"].status == "error"
        assert isinstance(found["in.flac"], Recording)

    def test_a_missing_file_is_an_error(self, tmp_path):
        recording = Recording(id="it", place=File(str(tmp_path / "gone.wav")), stamp="1")
        finding = examine(recording, limits=LIMITS)
        assert finding.status == "error"
        assert finding.remedy
