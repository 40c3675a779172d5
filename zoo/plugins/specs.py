"""What a plugin may offer: the hook specifications and the plain data that they return.

Nothing here, and nothing that a hook returns, imports a heavy package: targets are strings, imported on first use.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pluggy

ZOO_API: Final = (1, 0)
"""Version of the hooks below. A plugin that declares another major, or a newer minor, is not loaded."""

KINDS: Final[Mapping[str, str]] = {
    "detector": "a whole model: parts wired together, emitting one fake logit a sample",
    "backbone": "inputs to features",
    "frequency_transform": "pixels to a map of what they hold at which frequency",
    "tuning": "which parameters of a trained backbone are trained",
    "fusion": "several aligned feature streams to one",
    "head": "features to logits",
    "loss": "logits or embeddings, and labels, to a scalar",
    "face_detector": "pictures to face boxes, scores and points",
    "embedder": "a video's pictures or sound to feature vectors",
    "corpus": "a folder as downloaded to video records",
    "replica": "writer of a synthetic stand-in for a corpus",
    "dataset": "stored crops or features to training samples",
    "transform": "one sample to one sample",
    "mixer": "the cells of a dataset to how often each is drawn in an epoch",
    "sampler": "the order in which samples are drawn",
    "metric": "predictions to figures",
    "hook": "something that happens at a stage of a run",
    "loop": "the order of a run's stages",
    "optim_wrapper": "a step of optimisation: precision, clipping, accumulation",
    "precision": "number formats and memory layout that a model is trained in",
    "model_wrapper": "distributed wrapping of a detector",
    "collate": "samples to a batch",
    "backend": "what runs a trained detector of pictures: uint8 pictures to fake logits",
    "visualizer": "where figures and pictures of a run go",
    "combiner": "members' scores of videos to one score each",
    "calibrator": "scores of videos to probabilities",
}
"""Kinds of components and what each turns into what."""

hookspec = pluggy.HookspecMarker("zoo")
hookimpl = pluggy.HookimplMarker("zoo")


@dataclass(frozen=True, slots=True)
class Component:
    """A component that configs name. ``target`` is ``package.module:Class``; ``summary`` is one line."""

    kind: str
    name: str
    target: str
    summary: str
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """``zoo NAME ...``. ``target`` is ``package.module:function``, called with the list of arguments."""

    name: str
    target: str
    summary: str
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the HTML report: a title, and HTML that needs nothing from outside the page."""

    title: str
    html: str
    order: int = 100


@hookspec
def zoo_components() -> Iterable[Component]:
    """The components that the plugin adds."""


@hookspec
def zoo_commands() -> Iterable[Command]:
    """The commands that the plugin adds to ``zoo``."""


@hookspec
def zoo_report_sections(run: object) -> Iterable[Section]:
    """Sections for the report of ``run``, a ``zoo.report.Run`` with its predictions and results."""


@hookspec
def zoo_config_dirs() -> Mapping[str, Path]:
    """Alias to folder, so that configs can be named ``alias::file.py``."""
