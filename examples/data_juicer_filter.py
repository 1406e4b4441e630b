"""A filter of Data-Juicer that drops samples with marked sound.

    pip install py-data-juicer "$(echo ./sottovoce-*.whl)[scan]"
    dj-process --config recipe.yaml

    # recipe.yaml
    dataset_path: clips.jsonl            # {"text": "…", "audios": ["clips/a.flac"]}
    export_path: kept/kept.jsonl
    custom_operator_paths: [examples/data_juicer_filter.py]
    process:
      - sottovoce_filter: {strict: true}

A sample is dropped if any of its sounds is refused.  Each process of Data-Juicer decodes in a child
process, so a file that kills its decoder costs one sample.  Run with py-data-juicer 1.6.1.
"""

from __future__ import annotations

from typing import Any

from data_juicer.ops.base_op import OPERATORS, Filter
from data_juicer.utils.constant import Fields

from sottovoce.scan import examine_batch

STATUS, REFUSED = "sottovoce_status", "sottovoce_refused"


@OPERATORS.register_module("sottovoce_filter")
class SottovoceFilter(Filter):
    """Drop samples in which a sound carries a do-not-train mark.

    :param strict: whether to also drop a sample if a sound in it cannot be read to its end.
    """

    _batched_op = True

    def __init__(self, *args: Any, strict: bool = True, **kwargs: Any) -> None:  # noqa: ANN401 - theirs
        super().__init__(*args, **kwargs)
        self.strict = strict

    def compute_stats_batched(self, samples: dict[str, list[Any]]) -> dict[str, list[Any]]:
        """Add what was found to the stats of each sample."""
        stats = samples[Fields.stats]
        sounds = samples.get(self.audio_key) or [[]] * len(stats)
        paths = [path for some in sounds for path in some or []]
        found = examine_batch({"audio": paths}, strict=self.strict)
        rows = iter(zip(found["status"], found["refused"], strict=True))
        for stat, some in zip(stats, sounds, strict=True):
            own = [next(rows) for _ in some or []]
            # Text, not a list: lists that are empty in the first batch have no type.
            stat[STATUS] = " ".join(status for status, _ in own)
            stat[REFUSED] = any(refused for _, refused in own)
        return samples

    def process_batched(self, samples: dict[str, list[Any]]) -> list[bool]:
        """Return which samples to keep."""
        return [not stat[REFUSED] for stat in samples[Fields.stats]]
