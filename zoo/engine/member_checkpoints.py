"""Trained detectors of one input as one checkpoint."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from zoo.engine.checkpoint import LABELS, PUBLISHED, VERSION, read_published
from zoo.errors import CheckpointError


def join_published(members: Mapping[str, str | os.PathLike], *, mean_of: str = "logits") -> dict[str, Any]:
    """The published form of a `DetectorEnsemble` of trained detectors, for `zoo.engine.checkpoint.publish`.

    Args:
        members: name to checkpoint, published or of a training. All were trained on the same data.
        mean_of: what the ensemble averages: ``logits`` or ``probabilities``.

    Raises:
        CheckpointError: a file cannot be read or carries no architecture, or the members' data differ.
    """
    found = {name: read_published(path) for name, path in members.items()}
    for name, path in members.items():
        if not found[name]["architecture"]:
            raise CheckpointError("The checkpoint carries no architecture.", where=path)
    first, *others = found
    for name in others:
        if found[name]["provenance"] != found[first]["provenance"]:
            raise CheckpointError(
                f"{first} and {name} were not trained on the same data, so one checkpoint cannot tell what on.",
                where=members[name],
                next_step="Combine their predictions: an ensemble config takes members of any kind.",
            )
    return {
        "format": PUBLISHED,
        "version": VERSION,
        "state_dict": {
            f"members.{name}.{key}": tensor for name, one in found.items() for key, tensor in one["state_dict"].items()
        },
        "architecture": {
            "type": "DetectorEnsemble",
            "members": {name: one["architecture"] for name, one in found.items()},
            "mean_of": mean_of,
        },
        "labels": dict(LABELS),
        "provenance": found[first]["provenance"],
        "metrics": {},
        "epoch": max(one["epoch"] for one in found.values()),
        "iteration": max(one["iteration"] for one in found.values()),
        "zoo_version": version("deepfake-zoo"),
    }
