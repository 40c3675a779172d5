"""``zoo infer``: pictures, face crops or raw videos to a submission, with a trained detector of face crops.

--data is a folder of pictures and videos in any tree, crops of ``zoo preprocess``, or a single file. Faces of raw
videos are cut as those of the training were, which the checkpoint knows; a video's score is the mean over its frames.
An ensemble's ensemble.json is taken likewise: its members are run one after the other, those of features on features
that are extracted as for their training, and the predictions say from which members a score comes.
Writes the submission, and beside it predictions with a status for every file. A run that was killed is completed by
repeating it. Exit codes: 0 the submission is written, 3 some files could not be scored and there is none (unless
--default-score says what they get), 2 wrong arguments or data.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from zoo.cli._corpus_arguments import KeyValues
from zoo.cli._detectors import add_detector_arguments, detector_of
from zoo.cli._executors import add_executor_arguments, executor_of
from zoo.errors import ConfigError, UnknownComponent, did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa

    from zoo.inference.backends.base import Backend
    from zoo.inference.inputs import Inputs
    from zoo.inference.run import Scores
    from zoo.inference.submission import Form

ALL_OK: Final = 0
SOME_UNSCORED: Final = 3
BACKENDS: Final = {"torch": "TorchBackend", "onnxruntime": "OnnxRuntimeBackend"}
BATCHES: Final = {"cpu": 8, "cuda": 64}
"""Crops a batch by device: on CPUs, small ones stay in the caches."""
_NAMED: Final = 5  # how many files without a score are printed


def main(argv: Sequence[str] | None = None) -> int:
    """Score as ``argv`` asks, print a summary, and return the exit code that the module describes."""
    options = _parser().parse_args(argv)
    output = options.output
    predictions = options.predictions or output.with_suffix(".predictions.parquet")
    from zoo.inference.inputs import find_inputs
    from zoo.inference.run import check_paths
    from zoo.inference.submission import write_submission
    from zoo.predictions import write_predictions

    check_paths(output, predictions)
    _check(options)
    backend = _backend_name(options.backend)
    folder = output.with_name(f"{output.name}.run")
    scorer: Scorer
    if options.checkpoint.suffix == ".json":
        from zoo.cli._ensemble_inference import EnsembleScorer

        scorer = EnsembleScorer(options, partial(CropScorer, options, backend))
    else:
        scorer = CropScorer(options, backend, options.checkpoint)
    inputs = find_inputs(options.data, corpus=options.corpus)
    form = _form(options, inputs)
    counts = ", ".join(f"{count:,} {_KINDS[kind]}" for kind, count in inputs.counts().items())
    print(f"{options.data}: {counts} -> {output}")
    begun = time.monotonic()
    scores = scorer.score(inputs, folder)
    if not scores.complete:
        print("stopped after the estimate; the same command without --only-estimate goes on")
        return ALL_OK
    write_predictions(predictions, scorer.table(inputs, scores))
    _print_summary(scores, seconds=time.monotonic() - begun)
    print(f"predictions: {predictions}")
    unscored = {one.name for one in scores.unscored}
    if unscored and options.default_score is None:
        older = " (one of an earlier run is still there)" if output.exists() else ""
        print(f"no submission was written{older}")
        print("  mend or remove these files and repeat the command, or say what they get: --default-score 0.5")
        return SOME_UNSCORED
    values = {one.name: options.default_score if one.score is None else one.score for one in scores.by_name.values()}
    write_submission(output, form, values)
    invented = sum(source in unscored for _, source in form.rows)
    if unscored:
        print(f"{invented} of its rows have no score of the detector, but {options.default_score:g} (--default-score)")
    print(f"submission: {output} ({len(form.rows):,} rows of {','.join(form.columns)}; 1 = fake)")
    return ALL_OK


class Scorer(Protocol):
    """What gives the inputs their scores: a detector, or an ensemble."""

    def score(self, inputs: Inputs, folder: Path) -> Scores:
        """The score of each input; ``folder`` keeps what is done."""

    def table(self, inputs: Inputs, scores: Scores) -> pa.Table:
        """The predictions to write."""


class CropScorer:
    """A trained detector of face crops.

    Args:
        options: of the command.
        backend: name of the component.
        checkpoint: of the detector.

    Raises:
        CheckpointError: it cannot be read, or is of a detector that takes something else.
    """

    def __init__(self, options: argparse.Namespace, backend: str, checkpoint: Path):
        from zoo.api import trained_model
        from zoo.engine.checkpoint import read_published
        from zoo.inference.crop_settings import CropSettings
        from zoo.inference.setup import require_picture_detector

        self.options = options
        self.checkpoint = checkpoint
        self._backend = backend
        self._given = {
            "margin": options.face_margin,
            "image_size": options.image_size,
            "align": options.align,
            "faces": options.faces,
        }
        published = read_published(checkpoint)
        self.provenance = published["provenance"]
        self._model = trained_model(published, where=checkpoint)
        size = CropSettings.of(self.provenance, self._given).sample_size
        require_picture_detector(self._model, size=size, where=checkpoint)

    def score(self, inputs: Inputs, folder: Path) -> Scores:
        """See `Scorer`."""
        from zoo.files import sha256_of
        from zoo.inference.run import score_inputs
        from zoo.inference.setup import set_up
        from zoo.jobs.progress import show_progress

        options = self.options
        setup = set_up(
            inputs,
            self.provenance,
            given=self._given,
            detector=None if options.detector is None else lambda: detector_of(options),
            pictures=options.pictures,
            frames_per_video=options.frames_per_video,
            where=self.checkpoint,
        )
        backend = _backend(self._backend, self._model, options, size=setup.job.size)
        print(f"{type(self._model).__name__} by {self._backend} on {backend.device}; {setup.description}")
        for change in setup.changed:
            print(f"warning: other crops than in training: {change}")
        settings = {
            "checkpoint": sha256_of(self.checkpoint),
            "data": str(options.data.resolve()),
            "corpus": options.corpus,
            "backend": self._backend,
            **setup.settings,
        }
        with show_progress("Scoring") as on_progress:
            return score_inputs(
                inputs,
                setup.job,
                backend,
                folder=folder,
                settings=settings,
                batch_size=options.batch_size or BATCHES[backend.device.type],
                executor=executor_of(options),
                only_estimate=options.only_estimate,
                on_estimate=print,
                on_progress=on_progress,
            )

    def table(self, inputs: Inputs, scores: Scores) -> pa.Table:
        """See `Scorer`."""
        from zoo.inference.run import table_of

        return table_of(inputs, scores.by_name)


_KINDS: Final = {"video": "videos", "picture": "pictures", "crops": "videos as crops"}


def _check(options: argparse.Namespace) -> None:
    if options.default_score is not None and not 0 <= options.default_score <= 1:
        raise ConfigError(f"--default-score {options.default_score:g} is not in [0, 1].")
    for name in ("batch_size", "frames_per_video", "image_size"):
        if getattr(options, name) is not None and getattr(options, name) < 1:
            raise ConfigError(f"--{name.replace('_', '-')} is at least 1, not {getattr(options, name)}.")
    if options.detector is None and (options.fallback_detector or options.detector_options):
        raise ConfigError("A fallback or options of the face detector need --detector too.", where="--detector")


def _backend_name(name: str) -> str:
    """The registered backend that ``--backend`` means."""
    from zoo.plugins import catalog

    names = catalog().names("backend")
    full = BACKENDS.get(name, name)
    if full not in names:
        known = [*BACKENDS, *sorted(set(names) - set(BACKENDS.values()))]
        raise UnknownComponent(
            f"No backend {name!r}.{did_you_mean(name, known)} There are {', '.join(known)}.", where="--backend"
        )
    return full


def _backend(name: str, model: Any, options: argparse.Namespace, *, size: int) -> Backend:
    from zoo.registry import build

    backend = build("backend", {"type": name, "device": options.device, **options.backend_options}, model=model)
    backend.prepare(size, size)
    return backend


def _form(options: argparse.Namespace, inputs: Inputs) -> Form:
    from zoo.inference.submission import form_like, plain_form, read_columns

    columns = None if options.columns is None else read_columns(options.columns)
    names = [file.name for file in inputs.files]
    if options.sample_submission is not None:
        return form_like(options.sample_submission, names, columns=columns, naming=options.names)
    return plain_form(names, columns=columns, naming=options.names)


def _print_summary(scores: Scores, *, seconds: float) -> None:
    done = [one for one in scores.by_name.values() if one.score is not None]
    rate = scores.scored_now / seconds if seconds else 0.0
    print(
        f"scored {len(done):,}/{len(scores.by_name):,} files ({scores.scored_now:,} tried now), {seconds:.1f} s, "
        f"{rate:.2f} files/s; {sum(one.crops for one in done):,} crops"
    )
    if lossy := sum(bool(one.note) for one in done):
        print(f"decoded with losses: {lossy}")
    if unscored := scores.unscored:
        reasons = Counter(one.status for one in unscored)
        print(f"not scored: {len(unscored)} ({', '.join(f'{n} {status}' for status, n in reasons.most_common())})")
        for one in unscored[:_NAMED]:
            print(f"  {one.name}: {one.status}: {one.note.splitlines()[0] if one.note else ''}")
        if len(unscored) > _NAMED:
            print(f"  {len(unscored) - _NAMED} more, all of them in the predictions")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="zoo infer", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--checkpoint", type=Path, required=True, help="of a detector of face crops (best.pth), or ensemble.json")
    add("--data", type=Path, required=True, help="folder of pictures, videos or crops with their manifest; or a file")
    add("--output", type=Path, required=True, help="the submission, .csv; OUTPUT.run keeps what is done")
    add("--predictions", type=Path, help="status and score of every file (default: OUTPUT's name.predictions.parquet)")
    group = parser.add_argument_group("the submission")
    add = group.add_argument
    add("--sample-submission", type=Path, metavar="CSV", help="columns, names and order of rows as in this file")
    add("--columns", metavar="NAME,SCORE", help="their names (default: the sample's, or filename,label)")
    add(
        "--names",
        choices=("path", "name", "stem", "path-stem"),
        help="of files (default: as in the sample, or path)",
    )
    add("--default-score", type=float, metavar="S", help="what files get that could not be scored, in [0, 1]")
    group = parser.add_argument_group("what is scored (default: as in the checkpoint's training)")
    add = group.add_argument
    add("--corpus", help="reader of the data (zoo list corpus), for corpora with archives or masks")
    add("--pictures", choices=("auto", "crops", "scenes"), default="auto", help="stills are face crops, or hold faces")
    add("--frames-per-video", type=int, metavar="N", help="evenly over the duration")
    add_detector_arguments(
        group, help="of faces: mtcnn, retinaface, mediapipe, a plugin's, or none (frames are crops already)"
    )
    add("--faces", choices=("largest", "all"), help="whose faces")
    add("--face-margin", type=float, help="on every side, as a share of the box's longer side")
    add("--image-size", type=int, help="side of a crop in pixels")
    add("--align", action=argparse.BooleanOptionalAction, help="turn faces upright, or not")
    group = parser.add_argument_group("the work")
    add = group.add_argument
    add("--backend", default="torch", help="torch, onnxruntime (faster on CPUs), or a plugin's")
    add("--backend-options", nargs="+", action=KeyValues, default={}, metavar="KEY=VALUE", help="its arguments")
    add("--device", default="auto", help="auto, cpu or cuda:0")
    add("--batch-size", type=int, help="crops a batch, of several files together (default: 8 on CPUs, 64 on GPUs)")
    add("--only-estimate", action="store_true", help="stop when it is known how long all of it takes")
    add_executor_arguments(group, workers="processes that cut crops", item="file")
    return parser
