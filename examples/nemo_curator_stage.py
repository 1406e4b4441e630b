"""A stage of NeMo Curator that drops marked recordings, in a pipeline from manifest to manifest.

    pip install nemo-curator soundfile "$(echo ./sottovoce-*.whl)[scan]"
    python examples/nemo_curator_stage.py manifest.jsonl kept.jsonl

A line of the manifest is {"audio_filepath": "clips/a.flac", ...}.  Each worker decodes in a child
process, so a file that kills its decoder costs one line.  Run with nemo-curator 1.4.0.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from nemo_curator.stages.base import ProcessingStage
from nemo_curator.tasks import AudioTask

from sottovoce.scan import examine_batch


@dataclass
class DropRefusedStage(ProcessingStage[AudioTask, AudioTask]):
    """Drop recordings that carry a do-not-train mark.

    Parameters
    ----------
    audio_filepath_key : str
        The key of the path in a task.
    strict : bool
        Whether to also drop recordings that cannot be read to their end.
    """

    name: str = "drop_refused"
    audio_filepath_key: str = "audio_filepath"
    strict: bool = True
    batch_size: int = 32

    def inputs(self) -> tuple[list[str], list[str]]:
        """Return the fields that a task must have."""
        return [], [self.audio_filepath_key]

    def outputs(self) -> tuple[list[str], list[str]]:
        """Return the fields that are added to a task."""
        return [], ["sottovoce_status"]

    def process(self, task: AudioTask) -> AudioTask | None:
        """Return the task, or None to drop it."""
        return self.process_batch([task])[0]

    def process_batch(self, tasks: list[AudioTask]) -> list[AudioTask | None]:
        """Return each task itself, or None to drop it."""
        for task in tasks:
            if not self.validate_input(task):
                raise ValueError(f"{task!r} has no {self.audio_filepath_key!r}")
        paths = [task.data[self.audio_filepath_key] for task in tasks]
        found = examine_batch({"audio": paths}, strict=self.strict)
        for task, status in zip(tasks, found["status"], strict=True):
            task.data["sottovoce_status"] = status
        self._log_metrics({"n_refused": sum(found["refused"])})
        pairs = zip(tasks, found["refused"], strict=True)
        return [None if refused else task for task, refused in pairs]


def main() -> None:
    """Copy a manifest without the refused recordings."""
    from nemo_curator.backends.ray_data import RayDataExecutor
    from nemo_curator.pipeline import Pipeline
    from nemo_curator.stages.audio import ManifestReader, ManifestWriterStage

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest")
    parser.add_argument("kept")
    arguments = parser.parse_args()
    stages = [
        ManifestReader(arguments.manifest),
        DropRefusedStage(),
        ManifestWriterStage(arguments.kept),
    ]
    kept = Pipeline(name="drop_refused", stages=stages).run(RayDataExecutor())
    print(f"{len(kept or [])} recordings may be trained on")


if __name__ == "__main__":
    main()
