"""``zoo infer`` with an ensemble: every member on the raw files, then one score each."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import CheckpointError, ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

    from zoo.cli.infer import CropScorer
    from zoo.inference.inputs import Inputs
    from zoo.inference.run import Scores
    from zoo.inference.scoring import Score


class EnsembleScorer:
    """An ensemble that `zoo train` has fitted.

    Args:
        options: of the command; its checkpoint is the ensemble's.
        of_crops: makes the scorer of a checkpoint of face crops.

    Raises:
        CheckpointError: the ensemble or a checkpoint of it cannot be read, or was changed.
        ConfigError: an option has no meaning for ensembles.
    """

    def __init__(self, options: argparse.Namespace, of_crops: Callable[[Path], CropScorer]):
        from zoo.inference.ensembles.artefact import FittedEnsemble

        if options.only_estimate:
            raise ConfigError("--only-estimate is for one detector.", next_step="Give it a member's checkpoint.")
        self.options = options
        self.fitted = FittedEnsemble.read(options.checkpoint)
        self._of_crops = of_crops
        self._table: pa.Table | None = None
        self._at_work = [member for member in self.fitted.members if "checkpoint" in member]
        if not self._at_work:
            raise CheckpointError(
                "All members of the ensemble are files of predictions, and none can score anything new.",
                where=options.checkpoint,
                next_step="Combine predictions of the new data with zoo test, or zoo combine.",
            )
        self._checkpoints = {member["name"]: self.fitted.checkpoint_of(member["name"]) for member in self._at_work}

    def score(self, inputs: Inputs, folder: Path) -> Scores:
        """See `zoo.cli.infer.Scorer`."""
        from zoo.engine.checkpoint import read_published
        from zoo.inference.ensembles.raw import combined_scores, combined_table
        from zoo.inference.ensembles.raw_features import VideoFeatures, is_of_features, score_features
        from zoo.jobs.ownership import folder_owner
        from zoo.jobs.progress import show_progress

        options = self.options
        for member in self.fitted.members:
            if "checkpoint" not in member:
                print(f"{member['name']}: predictions in files, which have no part in new scores")
        done = 0
        by_member: dict[str, Mapping[str, Score]] = {}
        with folder_owner(folder), show_progress("Extracting") as on_progress:
            features = VideoFeatures(
                inputs,
                folder,
                workers=options.num_workers,
                timeout_s=options.timeout,
                memory_bytes=round(options.memory_gb * (1 << 30)),
                on_progress=on_progress,
            )
            for member in self._at_work:
                name, path = member["name"], self._checkpoints[member["name"]]
                loader = member["config"]["dataloader"]
                published = read_published(path)
                if is_of_features(loader["dataset"], published["provenance"]):
                    print(f"{name}: features of {len(features.records()):,} videos")
                    by_member[name] = score_features(name, path, published, loader, features)
                    done = max(done, features.extracted_now)
                else:
                    print(f"{name}: ", end="", flush=True)
                    scores = self._of_crops(path).score(inputs, folder / name)
                    done = max(done, scores.scored_now)
                    by_member[name] = scores.by_name
        self._table = combined_table(self.fitted, inputs, by_member)
        return combined_scores(self._table, by_member, scored_now=done)

    def table(self, inputs: Inputs, scores: Scores) -> pa.Table:
        """See `zoo.cli.infer.Scorer`."""
        assert self._table is not None  # nothing is asked for before it is scored
        return self._table
