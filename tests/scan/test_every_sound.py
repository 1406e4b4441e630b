"""Every sound of a row counts: second columns, lists and structs of any depth, other encodings."""

from __future__ import annotations

import base64
import io
import json
import os
import tarfile
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sottovoce.scan import (
    Ledger,
    Scan,
    examine_batch,
    examine_sounds,
    is_refused,
    open_sources,
    without_refused,
)
from sottovoce.scan.left_out import LeftOut
from sottovoce.scan.opening.names import open_source
from sottovoce.scan.workers import kept_pool
from tests.scan.conftest import SR, encode, findings, read, recordings, refuse

if TYPE_CHECKING:
    from pathlib import Path

STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def lengths(source) -> dict[str, float]:
    """Seconds by what comes behind the source's name in an id."""
    found = {one.id.removeprefix(f"{source.name}::"): one.seconds for one in read(source).values()}
    assert all(found.values()), found
    return found


def cell(seed: int) -> dict[str, object]:
    return {"bytes": encode(seed), "path": f"{seed}.wav"}


@pytest.fixture
def write(tmp_path: Path):
    def write_table(columns, name="a.parquet"):
        table = pa.table(columns)
        if name.endswith(".parquet"):
            pq.write_table(table, tmp_path / name)
        else:
            with pa.ipc.new_file(str(tmp_path / name), table.schema) as writer:
                writer.write_table(table)
        (source,) = open_sources([tmp_path / name])
        return source

    return write_table


class TestTables:
    def test_a_column_of_bytes_beside_the_first(self, write):
        source = write({"audio": [encode(0)], "reference_wav": [encode(1)], "odd": [encode(2)]})
        assert set(lengths(source)) == {"0", "0::reference_wav", "0::odd"}

    def test_bytes_that_are_no_sound_are_none(self, write):
        source = write({"audio": [encode(0)], "embedding": [bytes(40)], "audio_hash": [b"x" * 32]})
        assert set(lengths(source)) == {"0"}

    @pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
    def test_lists_and_structs_of_any_depth(self, write, name):
        turns = pa.list_(pa.struct([("who", pa.string()), ("clips", pa.list_(STRUCT))]))
        rows = [
            [{"who": "a", "clips": [cell(0), cell(1)]}, {"who": "b", "clips": [cell(2)]}],
            [{"who": "c", "clips": []}],
        ]
        columns = {"text": ["x", "y"], "turns": pa.array(rows, turns)}
        columns["deep"] = pa.array([{"in": cell(3)}, {"in": cell(4)}], pa.struct([("in", STRUCT)]))
        source = write(columns, name)
        assert set(lengths(source)) == {
            "0::turns[0].clips[0]",
            "0::turns[0].clips[1]",
            "0::turns[1].clips[0]",
            "0::deep.in",
            "1::deep.in",
        }

    def test_a_row_without_any_sound_is_an_error(self, write):
        source = write({"audios": pa.array([[cell(0)], [], None], pa.list_(STRUCT))})
        assert set(lengths(source)) == {"0::audios[0]"}
        assert {one.id.rpartition("::")[2]: one.status for one in findings(source)} == {
            "1": "error",
            "2": "error",
        }

    def test_a_row_is_left_out_if_one_of_its_sounds_is_refused(self, write, tmp_path):
        source = write({"audios": pa.array([[cell(0), cell(1)], [cell(2)]], pa.list_(STRUCT))})
        kept = source.write_kept(
            tmp_path / "kept.parquet", refused=refuse(f"{source.name}::0::audios[1]")
        )
        assert (kept.n_kept, kept.n_left_out) == (1, 1)
        assert pq.read_table(tmp_path / "kept.parquet")["audios"].to_pylist() == [[cell(2)]]

    @pytest.mark.parametrize(
        ("kind", "scale"), [(pa.float32(), 1.0), (pa.float64(), 1.0), (pa.int16(), 32767)]
    )
    def test_lists_of_numbers_with_a_rate_beside_them(self, write, kind, scale):
        y = (np.random.default_rng(0).standard_normal(SR) * 0.05 * scale).astype(
            kind.to_pandas_dtype()
        )
        columns = {"speech": pa.array([y.tolist()], pa.list_(kind)), "sample_rate": [SR]}
        columns["embedding"] = pa.array([[0.5, 0.25]], pa.list_(pa.float32()))
        assert lengths(write(columns)) == {"0::speech": 1.0}

    def test_arrays_with_their_rate_and_channels(self, write):
        stereo = np.zeros((2, SR), dtype=np.float32) + 0.1
        kind = pa.struct(
            [("array", pa.list_(pa.list_(pa.float32()))), ("sampling_rate", pa.int32())]
        )
        source = write({"audio": pa.array([{"array": stereo.tolist(), "sampling_rate": SR}], kind)})
        (found,) = read(source).values()
        assert (found.seconds, found.n_channels, found.sr) == (1.0, 2, SR)

    def test_numbers_without_a_rate_are_told(self, write):
        numbers = pa.array([[0.1] * 100], pa.list_(pa.float32()))
        (told,) = findings(write({"audio": numbers}))
        assert (told.status, "sampling rate" in told.message) == ("unsupported", True)
        source = write({"wav": [encode()], "audio": numbers}, "b.parquet")
        assert set(lengths(source)) == {"0"}
        assert [one.status for one in findings(source)] == ["unsupported"]

    @pytest.mark.parametrize("dtype", ["<i2", "<f4"])
    def test_raw_samples_with_a_rate_beside_them(self, write, dtype):
        y = np.random.default_rng(0).standard_normal(SR) * 0.1
        raw = (y * 32767 if dtype == "<i2" else y).astype(dtype).tobytes()
        (found,) = read(write({"audio": [raw], "sample_rate": [SR]})).values()
        assert (found.seconds, found.format) == (
            1.0,
            "WAV PCM_16" if dtype == "<i2" else "WAV FLOAT",
        )

    def test_text_that_is_sound(self, write):
        text = base64.b64encode(encode()).decode()
        source = write({"audio": [text], "text": ["He said data"]})
        assert lengths(source) == {"0": 0.5}

    def test_paths_beside_recordings_count_where_they_lead_to_files(self, write, tmp_path):
        (tmp_path / "b.wav").write_bytes(encode(1))
        source = write({"audio": [encode(0)], "file": ["orig/1.flac"]})
        assert set(lengths(source)) == {"0"}
        assert not findings(source)
        source = write({"audio": [encode(0)], "file": ["b.wav"]}, "c.parquet")
        assert set(read(source)) == {f"{source.name}::0", f"{tmp_path}/b.wav"}

    def test_several_columns_may_be_named(self, write):
        source = write({"a": [encode(0)], "b": [encode(1)], "c": [encode(2)]})
        (source,) = open_sources([source.name], column=["a", "c"])
        assert set(lengths(source)) == {"0::a", "0::c"}

    def test_the_first_rows_may_have_nothing_in_a_column(self, write):
        rows = 2000
        source = write(
            {
                "audio": [encode(i % 3, seconds=0.1) for i in range(rows)],
                "odd": [None] * (rows - 1) + [encode(9)],
            }
        )
        assert f"{source.name}::{rows - 1}::odd" in recordings(source)

    def test_pictures_are_none(self, write):
        png = {"bytes": b"\x89PNG\r\n\x1a\n" + bytes(50), "path": "a.png"}
        source = write({"audio": [cell(0)], "image": [png]})
        assert not any("image" in name for name in recordings(source))


@pytest.mark.slow
def test_a_ledger_of_before_resumes_where_rows_had_one_sound(write, tmp_path):
    source = write({"audio": [encode(0), encode(1)], "prompt_wav": [encode(2), encode(3)]})
    # As every scan did before other columns counted: the first column alone, by its old ids.
    (before,) = open_sources([source.name], column="audio")
    assert set(recordings(before)) == {f"{source.name}::0", f"{source.name}::1"}
    with Ledger(tmp_path / "l.sqlite", detector="d") as ledger:
        list(Scan([before], ledger=ledger, workers=1).run())
    with Ledger(tmp_path / "l.sqlite", detector="d") as ledger:
        scan = Scan([source], ledger=ledger, workers=1)
        found = {one.id.removeprefix(f"{source.name}::") for one in scan.run()}
    assert found == {"0", "1", "0::prompt_wav", "1::prompt_wav"}
    assert scan.n_resumed == 2


def array(seed: int, *, dtype="<f4", shape=(SR,)) -> bytes:
    file = io.BytesIO()
    y = np.random.default_rng(seed).standard_normal(shape) * (0.1 if dtype == "<f4" else 3000)
    np.save(file, y.astype(dtype))
    return file.getvalue()


class TestArrays:
    """Of NumPy's, with their rate in a JSON file beside them, before or after them."""

    ITEMS = (
        ("a.npy", array(0)),
        ("a.json", json.dumps({"sampling_rate": SR}).encode()),
        ("b.json", json.dumps({"meta": {"sr": SR}, "text": "x"}).encode()),
        ("b.npy", array(1, dtype="<i2", shape=(2, SR))),
        ("c.json", b'{"text": "x"}'),
        ("c.npy", array(2)),
        ("d.npy", array(3)),
    )

    @pytest.mark.parametrize("name", ["folder", "a.tar", "a.tar.gz", "a.zip"])
    def test_they_are_read_where_there_is_a_rate(self, name, tmp_path):
        path = tmp_path / name
        if name == "folder":
            path.mkdir()
            for own, data in self.ITEMS:
                (path / own).write_bytes(data)
        elif name == "a.zip":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                for own, data in self.ITEMS:
                    archive.writestr(own, data)
        else:
            with tarfile.open(path, "w:gz" if name.endswith("gz") else "w") as archive:
                for own, data in self.ITEMS:
                    info = tarfile.TarInfo(own)
                    info.size = len(data)
                    archive.addfile(info, io.BytesIO(data))
        (source,) = open_sources([path])
        found = read(source)
        separator = "/" if name == "folder" else "::"
        assert {own.rpartition(separator)[2] for own in found} == {"a.npy", "b.npy"}
        assert {(one.seconds, one.sr) for one in found.values()} == {(1.0, SR)}
        assert [one.n_channels for one in found.values()] == [1, 2]
        passed = [one for one in source.recordings() if isinstance(one, LeftOut)]
        assert sum(one.may_hold_sound for one in passed) == 2
        if name != "folder":
            kept = source.write_kept(tmp_path / "kept", refused=refuse(f"{path}::a.npy"))
            assert kept.n_left_out == 1

    @pytest.mark.parametrize(
        "data",
        [
            array(0)[:200],
            array(0, shape=(128, 100)),
            array(0).replace(b"(16000,)", b"(99999,)"),
            b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 70000,
        ],
        ids=["cut", "features", "longer than it is", "hostile header"],
    )
    def test_what_is_no_sound_is_told(self, data, tmp_path):
        (tmp_path / "a.npy").write_bytes(data)
        (tmp_path / "a.json").write_text(json.dumps({"sr": SR}))
        (source,) = open_sources([tmp_path])
        (found,) = read(source).values()
        assert found.status in ("error", "unsupported")
        assert found.message

    def test_objects_of_python_are_never_unpickled(self, tmp_path):
        file = io.BytesIO()
        np.save(file, np.array([{"a": 1}], dtype=object), allow_pickle=True)
        (tmp_path / "a.npy").write_bytes(file.getvalue())
        (tmp_path / "a.json").write_text(json.dumps({"sr": SR}))
        (source,) = open_sources([tmp_path])
        assert [one.status for one in read(source).values()] == ["error"]


class TestListings:
    @pytest.fixture
    def files(self, tmp_path):
        for i in range(3):
            (tmp_path / f"{i}.wav").write_bytes(encode(i))
        return tmp_path

    def names(self, source):
        return {one.rpartition("/")[2] for one in recordings(source)}

    def test_second_columns_of_tables(self, files):
        (files / "a.csv").write_text(
            "audio,prompt_audio,text,orig\n0.wav,1.wav,the end.wav,/gone/x.wav\n2.wav,gone.wav,x,\n"
        )
        (source,) = open_sources([files / "a.csv"])
        assert self.names(source) == {"0.wav", "1.wav", "2.wav"}
        assert [one.id.rpartition("/")[2] for one in findings(source)] == ["gone.wav"]
        kept = source.write_kept(files / "kept.csv", refused=refuse(f"{files}/1.wav"))
        assert (kept.n_kept, kept.n_left_out) == (1, 1)
        (source,) = open_sources([files / "a.csv"], column=["prompt_audio", "audio"])
        assert self.names(source) == {"0.wav", "1.wav", "2.wav"}

    def test_second_fields_of_manifests_at_any_depth(self, files):
        line = {
            "audio_filepath": "0.wav",
            "target_audio_filepath": "1.wav",
            "turns": [{"reference_wav": "2.wav"}],
            "text": "x.wav",
        }
        (files / "a.jsonl").write_text(json.dumps(line) + "\n")
        (source,) = open_sources([files / "a.jsonl"])
        assert self.names(source) == {"0.wav", "1.wav", "2.wav"}
        assert not findings(source)

    def test_sound_in_the_lines_themselves(self, tmp_path):
        text = base64.b64encode(encode(0)).decode()
        lines = [
            {"audio": text},
            {"audio": f"data:audio/wav;base64,{text}"},
            {"id": "c", "messages": [{"input_audio": {"data": text, "format": "wav"}}]},
            {"audio": {"array": [0.1] * SR, "sampling_rate": SR}},
            {"audio": [0.1] * SR, "sr": SR},
        ]
        (tmp_path / "a.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
        (source,) = open_sources([tmp_path / "a.jsonl"])
        assert list(lengths(source).values()) == [0.5, 0.5, 0.5, 1.0, 1.0]

    def test_all_recordings_of_a_cut(self, files):
        def recording(name):
            path = str(files / f"{name}.wav")
            return {"id": str(name), "sources": [{"type": "file", "channels": [0], "source": path}]}

        memory = {"type": "memory", "channels": [0], "source": base64.b64encode(encode(7)).decode()}
        cut = {
            "id": "c",
            "type": "MonoCut",
            "start": 0.0,
            "duration": 0.5,
            "recording": recording(0),
        }
        custom = {
            "target_recording": recording(1),
            "more": [{"r": {"id": "m", "sources": [memory]}}],
        }
        mixed = {
            "id": "x",
            "type": "MixedCut",
            "tracks": [{"cut": {**cut, "custom": {"prompt": recording(2)}}}],
        }
        lines = [{**cut, "custom": custom}, mixed]
        (files / "cuts.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
        (source,) = open_sources([files / "cuts.jsonl"])
        assert self.names(source) == {"0.wav", "1.wav", "2.wav", "cuts.jsonl::m"}
        kept = source.write_kept(files / "kept.jsonl", refused=refuse(f"{files}/2.wav"))
        assert (kept.n_kept, kept.n_left_out) == (1, 1)


class Decoder:
    """What `datasets` hands out for decoded audio, as far as it is used."""

    def __init__(self, y, sr):
        self._samples = type("Samples", (), {"data": y[None], "sample_rate": sr})

    def get_all_samples(self):
        return self._samples


class TestExamples:
    @pytest.fixture
    def marked_bytes(self, dataset):
        return (dataset / "anna" / "long.flac").read_bytes()

    @pytest.fixture
    def clean_bytes(self, dataset):
        return (dataset / "bert" / "long.flac").read_bytes()

    def test_a_decoder_of_torchcodecs(self, marked):
        (found,) = examine_sounds({"audio": Decoder(*marked), "text": "x"})
        assert found.marked

    def test_every_sound_of_an_example(self, marked_bytes, clean_bytes):
        clean = {"bytes": clean_bytes, "path": "a.flac"}
        mark = {"bytes": marked_bytes, "path": "gone.flac"}
        for example in (
            {"audio": clean, "prompt": mark, "file": "orig/1.flac"},
            {"audio": clean, "turns": [{"clip": mark}]},
            {"audio": clean, "text": base64.b64encode(marked_bytes).decode()},
        ):
            assert [one.status for one in examine_sounds(example)] == ["clean", "marked"]
            assert is_refused(example) is True
            assert is_refused(example, column="audio") is False

    def test_batches_count_every_sound(self, marked_bytes, clean_bytes):
        batch = {"audio": [clean_bytes, clean_bytes], "prompt": [marked_bytes, clean_bytes]}
        assert is_refused(batch) == [True, False]
        out = examine_batch(batch)
        assert out["status"] == ["marked", "clean"]
        assert out["refused"] == [True, False]
        assert [len(one.as_py()) for one in out["owner_ids"]] == [1, 0]
        kept_pool._close(os.getpid())

    def test_where_no_sound_is_recognised_nothing_passes(self, marked_bytes):
        assert is_refused({"text": "x", "label": 3}) is True
        assert is_refused({"text": "x"}, strict=False) is True
        assert examine_batch({"text": ["x", "y"]})["refused"] == [True, True]
        kept_pool._close(os.getpid())

    @pytest.mark.apart
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # its own
    def test_web_dataset_renames_and_decodes(self, marked_bytes, clean_bytes, tmp_path, marked):
        import webdataset

        path = tmp_path / "a.tar"
        with webdataset.TarWriter(str(path)) as writer:
            for i, data in enumerate((marked_bytes, clean_bytes)):
                writer.write({"__key__": str(i), "flac": data, "json": {"orig": "x.flac"}})
            writer.write({"__key__": "2", "txt": "no sound"})
        data = webdataset.WebDataset(str(path), shardshuffle=False).rename(audio="wav;flac;txt")
        assert [one["__key__"] for one in data.compose(without_refused)] == ["1"]
        y, sr = marked
        decoded = [
            {"__key__": "3", "wav": (y[None], sr)},
            {"__key__": "4", "wav": (y[None] * 0 + 0.1, sr)},
        ]
        assert [one["__key__"] for one in without_refused(decoded, strict=False)] == ["4"]


@pytest.mark.slow
def test_a_complete_mp3_is_never_partial(tmp_path, clip):
    import soundfile as sf

    y, sr = clip
    (tmp_path / "set").mkdir()
    for i, rate in enumerate((0.1, 0.5, 0.9)):
        file = io.BytesIO()
        sf.write(file, y, sr, format="MP3", subtype="MPEG_LAYER_III", compression_level=rate)
        data = file.getvalue()
        (tmp_path / "set" / f"{i}.mp3").write_bytes(data)
        # Without the frame that says how many there are, and joined to another.
        (tmp_path / "set" / f"{i}-bare.mp3").write_bytes(data[data.index(b"\xff\xfb", 4) :])
        (tmp_path / "set" / f"{i}-two.mp3").write_bytes(data * 2)
    (source,) = open_sources([tmp_path / "set"])
    found = read(source)
    assert len(found) == 9
    assert {one.status for one in found.values()} == {"clean"}


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_the_sounds_in_a_map_are_read(tmp_path, form):
    """Of structs, of bytes, of lists of either, and of samples beside a rate."""
    cell = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    sounds = [{"bytes": encode(i), "path": f"{i}.wav"} for i in range(5)]
    table = pa.table(
        {
            "speakers": pa.array(
                [[("a", sounds[0]), ("b", sounds[1])], None, []], pa.map_(pa.string(), cell)
            ),
            "wavs": pa.array(
                [[], [("x", encode(7))], [("y", None)]], pa.map_(pa.string(), pa.binary())
            ),
            "takes": pa.array([[("t", sounds[2:])], [], []], pa.map_(pa.string(), pa.list_(cell))),
            "texts": pa.array([[("a", "b")]] * 3, pa.map_(pa.string(), pa.string())),
        }
    )
    path = tmp_path / f"t.{form}"
    if form == "parquet":
        pq.write_table(table, path, row_group_size=2)
    else:
        with pa.ipc.new_file(str(path), table.schema) as writer:
            writer.write_table(table)
    found = read(open_source(str(path)))
    statuses = {name.partition("::")[2]: one.status for name, one in found.items()}
    wanted = ["0::speakers[0].value", "0::speakers[1].value", "1::wavs[0].value"]
    wanted += [f"0::takes[0].value[{i}]" for i in range(3)]
    assert {name for name, one in statuses.items() if one == "undetermined"} == {*wanted}
    assert statuses["2::wavs[0].value"] == "error"
