"""The face detector that options name: ``--detector``, ``--detector-options`` and ``--fallback-detector``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from zoo.cli._corpus_arguments import KeyValues
from zoo.errors import ConfigError, UnknownComponent, did_you_mean

if TYPE_CHECKING:
    from zoo.faces.detections import FaceDetector


def add_detector_arguments(parser: argparse._ActionsContainer, *, help: str, default: str | None = None) -> None:
    """Add these options to ``parser`` or a group of one; ``default`` and ``help`` are those of ``--detector``."""
    add = parser.add_argument
    add("--detector", default=default, help=help)
    add("--detector-options", nargs="+", action=KeyValues, default={}, metavar="KEY=VALUE", help="its arguments")
    add("--fallback-detector", action="append", default=[], metavar="NAME", help="asked where the first finds nothing")


def detector_of(options: argparse.Namespace) -> FaceDetector | None:
    """The detector that the options name, with its fallback behind it; None for pictures that are crops already."""
    from zoo.faces.pipeline import AS_IT_IS
    from zoo.registry import build

    if options.detector == AS_IT_IS:
        if options.fallback_detector:
            raise ConfigError("--detector none has no fallback: nothing is searched.", where="--fallback-detector")
        return None
    parts = [{"type": _named(options.detector), **options.detector_options}]
    parts += [{"type": _named(name)} for name in options.fallback_detector]
    return build("face_detector", parts[0] if len(parts) == 1 else {"type": "FallbackDetector", "detectors": parts})


def _named(name: str) -> str:
    """The component's name for ``name`` in any case of letters, with or without ``Detector`` at its end."""
    from zoo.plugins import catalog

    names = catalog().names("face_detector")
    known = {key.lower().removesuffix("detector"): key for key in names}
    if (found := known.get(name.lower().removesuffix("detector"))) is None:
        catalog().blame(name)
        suggestion = did_you_mean(name, known) + catalog().suspects()
        raise UnknownComponent(f"No face detector {name!r}.{suggestion}", next_step="Run: zoo list face_detector")
    return found
