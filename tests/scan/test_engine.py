"""A whole scan, again and again: the same findings, each recording once."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from sottovoce.errors import AudioFileError, LedgerError, ParameterError
from sottovoce.scan import Ledger, Limits, Scan, merge_ledgers, open_sources, outputs, scan_paths
from sottovoce.scan.finding import Finding
from sottovoce.scan.opening.apart import Apart
from sottovoce.scan.opening.folders import FolderSource
from sottovoce.scan.outputs import write_filtered, write_outputs
from sottovoce.scan.source import atomic_out

EXPECTED = {
    "anna/long.flac": "marked",
    "anna/short.wav": "marked",
    "bert/long.flac": "clean",
    "bert/part.ogg": "clean",
    "carl/word.wav": "undetermined",
    "carl/silence.flac": "undetermined",
    "odd/text.wav": "error",
    "odd/empty.mp3": "error",
}


def fail_at(name):
    """Return a `write_kept` that fails for one folder, as on a full disk."""
    original = FolderSource.write_kept

    def write_kept(self, out, *, refused):
        if self.name == name:
            raise OSError("the disk is full")
        return original(self, out, refused=refused)

    return write_kept


@pytest.fixture
def folder(dataset, tmp_path):
    """A copy of the data set that a test may change."""
    return shutil.copytree(dataset, tmp_path / "data")


def run(folder, path, **options):
    with Ledger(path, detector="d") as ledger:
        scan = Scan(open_sources([str(folder)]), ledger=ledger, workers=2, **options)
        findings = list(scan.run())
        assert len({f.id for f in findings}) == len(findings)
        return scan, {f.id.removeprefix(f"{folder}/"): f.status for f in findings}


class TestScan:
    @pytest.mark.slow
    def test_every_recording_has_its_status(self, folder, tmp_path):
        _, statuses = run(folder, tmp_path / "l")
        assert statuses == EXPECTED

    @pytest.mark.slow
    def test_the_iterator_needs_no_ledger(self, folder):
        findings = {f.id.removeprefix(f"{folder}/"): f for f in scan_paths([folder])}
        assert {name: f.status for name, f in findings.items()} == EXPECTED
        assert findings["anna/long.flac"].groups == {"folder": f"{folder}/anna"}

    @pytest.mark.slow
    def test_what_is_known_is_not_looked_at_again(self, folder, tmp_path):
        run(folder, tmp_path / "l")
        scan, statuses = run(folder, tmp_path / "l")
        assert statuses == EXPECTED
        # Those that could not be read are tried again.
        assert scan.n_resumed == 6

    @pytest.mark.slow
    def test_what_changed_is_looked_at_again(self, folder, tmp_path):
        run(folder, tmp_path / "l")
        shutil.copy(folder / "anna" / "long.flac", folder / "bert" / "long.flac")
        scan, statuses = run(folder, tmp_path / "l")
        assert statuses == {**EXPECTED, "bert/long.flac": "marked"}
        assert scan.n_resumed == 5

    @pytest.mark.slow
    def test_rescan_looks_at_everything(self, folder, tmp_path):
        run(folder, tmp_path / "l")
        scan, _ = run(folder, tmp_path / "l", rescan=True)
        assert scan.n_resumed == 0

    @pytest.mark.slow
    def test_since_leaves_older_ones_as_they_are_known(self, folder, tmp_path):
        run(folder, tmp_path / "l")
        (folder / "anna" / "short.wav").unlink()
        scan, statuses = run(folder, tmp_path / "l", since_s=4e9)
        assert len(statuses) == 5
        assert scan.n_older == 2  # those that could not be read

    @pytest.mark.slow
    def test_the_same_name_twice_is_scanned_once(self, folder):
        ids = [f.id for f in scan_paths([folder / "bert", folder / "bert"])]
        assert len(ids) == 2

    def test_a_missing_name_is_told_before_anything_is_scanned(self, folder):
        with pytest.raises(AudioFileError, match="nowhere"):
            next(scan_paths([folder, folder / "nowhere"]))

    @pytest.mark.slow
    def test_a_link_to_itself_costs_one_row(self, folder):
        (folder / "odd" / "loop.wav").symlink_to(folder / "odd" / "loop.wav")
        findings = {f.id.removeprefix(f"{folder}/"): f.status for f in scan_paths([folder])}
        assert findings == {**EXPECTED, "odd/loop.wav": "error"}


class TestShards:
    @pytest.mark.by_turns
    @pytest.mark.slow
    def test_shards_are_a_partition_and_merge_to_the_whole(self, folder, tmp_path):
        # So many that one gets nothing.
        numbers = range(1, 14)
        for number in numbers:
            run(folder, tmp_path / str(number), shard=(number, 13))
        run(folder, tmp_path / "whole")
        with Ledger(tmp_path / "merged", detector="d") as merged:
            merge_ledgers([tmp_path / str(n) for n in numbers], merged)
            with Ledger(tmp_path / "whole", read_only=True) as whole:
                assert list(merged.findings()) == list(whole.findings())

    def test_all_shards_must_be_there(self, tmp_path):
        for name, shard, inputs in (
            ("1", (1, 3), ["a"]),
            ("2", (2, 3), ["a"]),
            ("elsewhere", (3, 3), ["/mnt/a"]),
            ("other", (3, 3), ["b"]),
        ):
            with Ledger(tmp_path / name, detector="d") as ledger:
                ledger.begin_run({"inputs": inputs, "shard": shard})

        def merge(*names):
            with Ledger(tmp_path / "-".join(names), detector="d") as merged:
                merge_ledgers([tmp_path / name for name in names], merged)
                return merged.job()

        with pytest.raises(LedgerError, match="a: missing shard 3/3") as caught:
            merge("1", "2")
        assert "3/3 (`shard`)" in caught.value.remedy
        with pytest.raises(LedgerError, match="missing shard 2/3, 3/3"):
            merge("1")
        with pytest.raises(LedgerError, match="shard 3/3"):
            merge("1", "2", "other", "elsewhere")
        # One data set, which a node has in another place.
        assert merge("1", "2", "elsewhere")["inputs"] == ["a", "/mnt/a"]

    def test_a_scan_that_was_interrupted_is_not_merged(self, tmp_path):
        with Ledger(tmp_path / "a", detector="d") as ledger:
            ledger.begin_run({"inputs": ["a"], "command": "sottovoce scan a"})
        with Ledger(tmp_path / "all", detector="d") as merged:
            with pytest.raises(LedgerError, match="is not complete") as caught:
                merge_ledgers([tmp_path / "a"], merged)
            assert caught.value.remedy.endswith("sottovoce scan a")

    @pytest.mark.parametrize("shard", [(0, 3), (4, 3)])
    def test_a_shard_that_is_none_is_refused(self, shard):
        with pytest.raises(ParameterError, match="shard"):
            Scan([], shard=shard)


class TestOutputs:
    @pytest.mark.slow
    def test_results_do_not_depend_on_how_the_scan_went(self, folder, tmp_path):
        written_twice = []
        for name, shuffled in (("a", False), ("b", True)):
            if shuffled:
                run(folder / "bert", tmp_path / name)
            run(folder, tmp_path / name)
            with Ledger(tmp_path / name, detector="d") as ledger:
                written = {}
                for kind in ("jsonl", "csv", "parquet"):
                    out = tmp_path / f"out-{name}-{kind}"
                    write_outputs(ledger, out, kind=kind)
                    for one in (f"results.{kind}", "exclude.txt"):
                        written[kind, one] = (out / one).read_bytes()
            written_twice.append(written)
        assert written_twice[0] == written_twice[1]
        excluded = written_twice[0]["csv", "exclude.txt"].decode().splitlines()
        assert excluded == [f"{folder}/anna/long.flac", f"{folder}/anna/short.wav"]

    @pytest.mark.slow
    def test_what_a_killed_process_left_is_swept_up(self, folder, tmp_path):
        run(folder / "bert", tmp_path / "l")
        out = tmp_path / "out"
        out.mkdir()
        names = [".results.0123abcd.part.parquet", ".exclude.0123abcd.part.txt", ".other.part"]
        for name in names:
            (out / name).touch()
            os.utime(out / name, (1e9, 1e9))
        (out / ".report.0123abcd.part.html").touch()
        with Ledger(tmp_path / "l", read_only=True) as ledger:
            write_outputs(ledger, out)
        hidden = {path.name for path in out.iterdir() if path.name.startswith(".")}
        # What is not ours stays, and what somebody may be writing right now.
        assert hidden == {".other.part", ".report.0123abcd.part.html"}

    def test_outputs_show_the_surest_and_list_them_all(self, tmp_path):
        """More marked recordings than are kept for the report while the ledger is read."""
        with Ledger(tmp_path / "l", detector="d") as ledger:
            ledger.begin_run({"inputs": ["x"]})
            for number in range(2_500):
                finding = Finding(
                    id=f"{number:05}",
                    status="marked",
                    log10_p=-7.0 - number * 977 % 2_500,
                    log10_e=5.0,
                )
                ledger.put(finding, stamp="")
            summary = write_outputs(ledger, tmp_path / "out")
        assert summary.n_marked == 2_500
        assert len((tmp_path / "out" / "exclude.txt").read_text().splitlines()) == 2_500
        page = (tmp_path / "out" / "report.html").read_text()
        surest = sorted(range(2_500), key=lambda number: -(number * 977 % 2_500))
        assert all(f"{number:05}" in page for number in surest[:50])
        assert not any(f">{number:05}<" in page for number in surest[50:])

    @pytest.mark.slow
    @pytest.mark.parametrize("strict", [False, True])
    def test_a_filtered_folder_lacks_what_is_refused(self, strict, folder, tmp_path):
        run(folder, tmp_path / "l")
        with Ledger(tmp_path / "l", read_only=True) as ledger:
            (kept,) = write_filtered(ledger, tmp_path / "kept", strict=strict)
        names = {
            str(path.relative_to(tmp_path / "kept"))
            for path in (tmp_path / "kept").rglob("*")
            if path.is_file()
        }
        refused = {"marked", "error"} if strict else {"marked"}
        expected = {name for name, status in EXPECTED.items() if status not in refused}
        assert names == {*expected, "odd/notes.txt"}
        assert (kept.n_kept, kept.n_left_out) == (len(expected), 8 - len(expected))

    @pytest.mark.slow
    def test_a_copy_of_several_sources_is_there_as_a_whole_or_not_at_all(
        self, folder, tmp_path, monkeypatch
    ):
        other = tmp_path / "other" / "bert"
        shutil.copytree(folder / "bert", other)
        names = [str(folder / "anna"), str(folder / "bert"), str(other)]
        with Ledger(tmp_path / "l", detector="d") as ledger:
            list(Scan(open_sources(names), ledger=ledger, workers=2).run())
            copies = write_filtered(ledger, tmp_path / "kept")
            with monkeypatch.context() as broken:
                broken.setattr(FolderSource, "write_kept", fail_at(str(other)))
                with pytest.raises(OSError, match="full"):
                    list(copies)
            assert not (tmp_path / "kept").exists()
            kept = list(write_filtered(ledger, tmp_path / "kept"))
        # Sources of the same name do not overwrite each other.
        places = [tmp_path / "kept" / name for name in ("anna", "bert", "2-bert")]
        assert [one.path for one in kept] == [str(place) for place in places]
        assert [len(list(place.iterdir())) for place in places] == [0, 2, 2]
        assert not (tmp_path / "kept.part").exists()

    @pytest.mark.slow
    def test_a_copy_of_one_file_may_be_put_into_a_folder(self, tmp_path):
        """As `cp` does; without the slash, the name is that of the copy."""
        table = tmp_path / "train.csv"
        table.write_text("path,text\n/gone/0.wav,a\n")
        with Ledger(tmp_path / "l", detector="d") as ledger:
            list(Scan(open_sources([str(table)]), ledger=ledger).run())
            places = {"a/": "a/train.csv", "b/deep//": "b/deep/train.csv", "c": "c"}
            for target, place in places.items():
                (kept,) = write_filtered(ledger, f"{tmp_path}/{target}")
                assert Path(kept.path) == tmp_path / place
                assert (tmp_path / place).read_bytes() == table.read_bytes()
                assert kept.paths_from == str(tmp_path)
                with pytest.raises(ParameterError, match="already exists"):
                    list(write_filtered(ledger, f"{tmp_path}/{target}"))

    def test_relative_names_are_not_those_of_another_folder(self, tmp_path, monkeypatch):
        """The verdicts of one table would be given to another of the same name."""
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "t.csv").write_text("path\n0.wav\n")
        monkeypatch.chdir(tmp_path / "a")
        with Ledger(tmp_path / "l", detector="d") as ledger:
            list(Scan(open_sources(["t.csv"]), ledger=ledger).run())
            monkeypatch.chdir(tmp_path / "b")
            with pytest.raises(LedgerError, match="was scanned in"):
                list(write_filtered(ledger, tmp_path / "kept.csv"))
            assert not (tmp_path / "kept.csv").exists()
            monkeypatch.chdir(tmp_path / "a")
            (kept,) = write_filtered(ledger, tmp_path / "kept.csv")
        assert kept.n_kept == 1

    def test_a_copy_that_cannot_be_placed_names_the_reason(self, tmp_path):
        (tmp_path / "file").touch()
        with (
            pytest.raises(AudioFileError, match="cannot be written"),
            atomic_out(tmp_path / "file" / "copy.csv"),
        ):
            pass

    def test_kaldis_files_are_copied_into_a_folder_of_their_own(self, tmp_path):
        data = tmp_path / "data"
        data.mkdir()
        (data / "wav.scp").write_text("a /gone/0.wav\n")
        with Ledger(tmp_path / "l", detector="d") as ledger:
            list(Scan(open_sources([str(data / "wav.scp")]), ledger=ledger).run())
            (kept,) = write_filtered(ledger, f"{tmp_path}/kept/")
        assert (tmp_path / "kept" / "wav.scp").is_file()
        assert kept.path == str(tmp_path / "kept")

    def test_a_copy_has_the_limits_of_its_scan(self, tmp_path, monkeypatch):
        """What could be listed with more memory can be copied with as much."""
        table = tmp_path / "train.csv"
        table.write_text("path\n/gone/0.wav\n")
        limits = Limits(memory_bytes=5 << 30, time_s=77.0)
        with Ledger(tmp_path / "l", detector="d") as ledger:
            list(Scan(open_sources([str(table)]), ledger=ledger, limits=limits).run())
            made = []
            monkeypatch.setattr(
                outputs, "Apart", lambda **options: made.append(options) or Apart(**options)
            )
            list(write_filtered(ledger, tmp_path / "kept.csv"))
        assert [one["limits"] for one in made] == [limits]

    @pytest.mark.slow
    def test_what_was_never_scanned_is_not_in_the_copy(self, folder, tmp_path):
        run(folder, tmp_path / "l")
        shutil.copy(folder / "bert" / "long.flac", folder / "bert" / "new.flac")
        with Ledger(tmp_path / "l", read_only=True) as ledger:
            list(write_filtered(ledger, tmp_path / "kept"))
        assert not (tmp_path / "kept" / "bert" / "new.flac").exists()


@pytest.mark.slow
def test_limits_reach_the_workers(folder):
    findings = scan_paths([folder / "bert" / "long.flac"], limits=Limits(seconds=5.0))
    assert {f.status for f in findings} == {"partial"}
