"""Examples of pipelines, each against the package that it is written for.

Two packages are too large to install for this; for them a stand-in of the interface that they
document shows that the example keeps to it.  `docs/guides/pipelines.md` says with which release
each example was run as a whole.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import tarfile
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

import pytest

from sottovoce.scan import Ledger, Scan, detector_version, examine_batch, load_allowed, open_sources
from sottovoce.scan.workers import kept_pool
from tests.scan.conftest import faulty_decoder  # noqa: F401 - a fixture


@pytest.fixture(autouse=True, scope="module")
def _no_child_outlives_the_tests():
    yield
    kept_pool._close(os.getpid())


def names(paths):
    return sorted(Path(path).stem for path in paths)


class TestTorchDataset:
    @pytest.fixture
    def allowed(self, clips, tmp_path):
        with Ledger(tmp_path / "ledger.sqlite", detector=detector_version()) as ledger:
            list(Scan(open_sources([str(clips)]), ledger=ledger, workers=1).run())
        return load_allowed(tmp_path)

    def test_what_is_refused_or_unknown_is_left_out(self, load, clips, allowed):
        example = load("torch_dataset")
        paths = sorted(str(path) for path in clips.iterdir())
        dataset = example.Allowed(example.Clips(paths), paths, allowed)
        items = [dataset[i] for i in range(len(dataset))]
        assert names(path for path, _ in items) == ["clean"]
        assert len(items[0][1]) > 16_000
        later = [*paths, str(clips / "later.flac")]
        assert len(example.Allowed(later, later, allowed)) == 1

    def test_names_that_the_scan_spells_otherwise_are_an_error(self, load, allowed):
        example = load("torch_dataset")
        with pytest.raises(ValueError, match="does the scan spell"):
            example.Allowed(["clean.flac"], ["clean.flac"], allowed)
        with pytest.raises(ValueError, match="0 names for 1 items"):
            example.Allowed(["clean.flac"], [], allowed)


@pytest.mark.apart
@pytest.mark.filterwarnings("default")  # of those packages themselves
class TestReal:
    """Against the packages themselves."""

    def test_datadiligence_allows_only_what_was_read(self, load, clips):
        example = load("datadiligence_rule")
        import datadiligence

        datadiligence.register_evaluator(example.AudioEvaluator(), overwrite=True)
        try:
            paths = [str(path) for path in clips.iterdir()]
            assert names(datadiligence.filter_allowed("audio", paths=paths)) == ["clean"]
            assert not datadiligence.is_allowed("audio", path=str(clips / "gone.flac"))
            assert datadiligence.is_allowed("audio", body=(clips / "clean.flac").read_bytes())
            assert not datadiligence.is_allowed("audio", body=b"no sound")
            assert not datadiligence.is_allowed("audio", url="https://127.0.0.1/clean.flac")
        finally:
            datadiligence.deregister_evaluator("audio")

    def test_datadiligence_has_three_answers(self, load, clips):
        example = load("datadiligence_rule")
        rule, answer = example.SottovoceRule(), example.Answer
        assert rule.find(path=str(clips / "marked.flac")) is answer.MARKED
        assert rule.find(path=str(clips / "clean.flac")) is answer.NO_MARK
        assert rule.find(path=str(clips / "broken.flac")) is answer.NOT_KNOWN
        assert rule.find() is answer.NOT_KNOWN

    def test_its_own_file_evaluator_takes_the_rule_too(self, load, clips):
        example = load("datadiligence_rule")
        from datadiligence.evaluators import FileEvaluator

        evaluator = FileEvaluator()
        assert evaluator.is_allowed(path=str(clips / "marked.flac"))
        evaluator.add_rule(example.SottovoceRule())
        assert not evaluator.is_allowed(path=str(clips / "marked.flac"))
        assert evaluator.is_allowed(path=str(clips / "clean.flac"))

    def test_webdataset_passes_samples_on_whole(self, load, clips, tmp_path):
        example = load("webdataset_stage")
        with tarfile.open(tmp_path / "a-000.tar", "w") as shard:
            for path in clips.iterdir():
                shard.add(path, path.name)
                shard.add(__file__, path.with_suffix(".txt").name)
        samples = list(example.open_shards(str(tmp_path / "a-{000..000}.tar")))
        assert [sample["__key__"] for sample in samples] == ["clean"]
        assert set(samples[0]) >= {"flac", "txt"}

    @pytest.mark.by_turns
    def test_hugging_face_filters_and_maps(self, load, clips):
        example = load("huggingface_filter")
        import datasets

        paths = sorted(str(path) for path in clips.iterdir())
        ds = datasets.Dataset.from_dict({"audio": paths})
        kept = example.keep_allowed(ds, num_proc=2)
        assert names(row["audio"]["path"] for row in kept) == ["clean"]
        found = example.add_findings(ds, num_proc=2)
        assert found["status"][:] == ["error", "clean", "marked"]

    @pytest.mark.by_turns
    def test_ray_data_loses_one_row_to_a_row_that_kills(
        self,
        load,
        clips,
        faulty_decoder,  # noqa: F811 - a fixture
        monkeypatch,
    ):
        monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        example = load("ray_data")
        import ray

        (clips / "kills.flac").write_bytes(faulty_decoder)
        ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
        try:
            ray.data.DataContext.get_current().enable_progress_bars = False
            ds = ray.data.read_binary_files(str(clips), include_paths=True)
            kept = example.keep_allowed(ds).take_all()
            found = ds.map_batches(
                examine_batch, batch_size=2, fn_kwargs={"column": "bytes"}
            ).take_all()
        finally:
            ray.shutdown()
        assert names(row["path"] for row in kept) == ["clean"]
        assert sorted((*names([row["path"]]), row["status"]) for row in found) == [
            ("broken", "error"),
            ("clean", "clean"),
            ("kills", "crashed"),
            ("marked", "marked"),
        ]
        owners = {row["status"]: list(row["owner_ids"]) for row in found}
        assert owners == {"error": [], "clean": [], "crashed": [], "marked": [7]}


def stand_in(monkeypatch, name, **contents):
    """Put a module, and the packages that it is in, where an import finds them."""
    parts = name.split(".")
    for i in range(1, len(parts) + 1):
        module = ModuleType(".".join(parts[:i]))
        module.__path__ = []
        monkeypatch.setitem(sys.modules, module.__name__, module)
    vars(sys.modules[name]).update(contents)


class TestStandIns:
    """Against the documented interface of packages that install gigabytes."""

    @pytest.mark.slow
    def test_data_juicer_drops_samples_with_any_refused_sound(self, load, clips, monkeypatch):
        registered = {}

        class Operators:
            @staticmethod
            def register_module(name):
                return lambda one: registered.setdefault(name, one)

        class Filter:
            def __init__(self, *_, audio_key="audios", **__):
                self.audio_key = audio_key

        stand_in(monkeypatch, "data_juicer.utils.constant", Fields=StandInFields)
        monkeypatch.setitem(sys.modules, "data_juicer.ops", ModuleType("data_juicer.ops"))
        base = ModuleType("data_juicer.ops.base_op")
        base.OPERATORS, base.Filter = Operators, Filter
        monkeypatch.setitem(sys.modules, "data_juicer.ops.base_op", base)
        load("data_juicer_filter")

        clean, marked, broken = (str(clips / f"{n}.flac") for n in ("clean", "marked", "broken"))
        sounds = [[clean], [clean, marked], [], None, [broken]]
        for strict, kept in ((True, [1, 0, 1, 1, 0]), (False, [1, 0, 1, 1, 1])):
            samples = {"audios": sounds, StandInFields.stats: [{} for _ in sounds]}
            step = registered["sottovoce_filter"](strict=strict)
            assert step.process_batched(step.compute_stats_batched(samples)) == kept
            stats = samples[StandInFields.stats]
            assert [stat["sottovoce_status"] for stat in stats] == [
                *("clean", "clean marked", "", "", "error"),
            ]
        texts = {StandInFields.stats: [{}, {}], "text": ["a", "b"]}
        assert step.process_batched(step.compute_stats_batched(texts)) == [True, True]

    def test_nemo_curator_drops_refused_tasks(self, load, clips, monkeypatch):
        stand_in(monkeypatch, "nemo_curator.tasks", AudioTask=StandInTask)
        monkeypatch.setitem(sys.modules, "nemo_curator.stages", ModuleType("nemo_curator.stages"))
        base = ModuleType("nemo_curator.stages.base")
        base.ProcessingStage = StandInStage
        monkeypatch.setitem(sys.modules, "nemo_curator.stages.base", base)
        stage = load("nemo_curator_stage").DropRefusedStage()

        tasks = [StandInTask({"audio_filepath": str(path)}) for path in sorted(clips.iterdir())]
        assert stage.process_batch(tasks) == [None, tasks[1], None]
        assert tasks[1].data["sottovoce_status"] == "clean"
        assert stage.process(tasks[2]) is None
        with pytest.raises(ValueError, match="audio_filepath"):
            stage.process(StandInTask({}))


class StandInFields:
    stats = "__dj__stats__"


@dataclasses.dataclass
class StandInTask:
    data: dict[str, Any]


X, Y = TypeVar("X"), TypeVar("Y")


class StandInStage(Generic[X, Y]):
    def validate_input(self, task):
        return all(key in task.data for key in self.inputs()[1])

    def _log_metrics(self, metrics):
        self.metrics = metrics
