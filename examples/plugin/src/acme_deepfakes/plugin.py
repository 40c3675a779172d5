"""The hooks. Targets are strings, imported when they are first used, so that listing components stays quick."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.plugins import Command, Component, Section, hookimpl

if TYPE_CHECKING:
    from zoo.report.run import Run

ZOO_API = (1, 0)
"""The version of zoo's hooks that this was written for."""


@hookimpl
def zoo_components() -> Iterator[Component]:
    for kind, target, summary in (
        ("backbone", "backbone:HaarResidualNet", "a small residual network on the details of two Haar wavelets"),
        ("corpus", "corpus:LabelsTable", "any folder of videos with a labels.csv"),
        ("mixer", "mixer:MethodCapMixer", "in proportion to sizes, but no method beyond a cap"),
        ("loss", "loss:AsymmetricLoss", "cross-entropy that fades at different rates for real and fake"),
        ("metric", "metric:OperatingPoint", "recall at a false alarm rate, and the AUC of the worst method"),
        ("face_detector", "face_detector:LBPCascadeDetector", "boosted local binary patterns: no network, no download"),
    ):
        yield Component(kind, target.partition(":")[2], f"acme_deepfakes.{target}", summary)


@hookimpl
def zoo_commands() -> Iterator[Command]:
    yield Command("disagreements", "acme_deepfakes.command:main", "the videos that several detectors disagree on most")


@hookimpl
def zoo_report_sections(run: Run) -> Iterator[Section]:
    from acme_deepfakes.report_section import contested_section

    yield from contested_section(run)


@hookimpl
def zoo_config_dirs() -> Mapping[str, Path]:
    return {"acme": Path(__file__).parent / "configs"}
