"""What `zoo` itself brings, offered through the hooks that plugins use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from zoo.plugins.specs import Command, Component, hookimpl

_COMPONENTS: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    # kind: (name, target inside zoo, summary)
    "detector": (),
    "backbone": (),
    "fusion": (),
    "head": (),
    "loss": (),
    "face_detector": (("MTCNNDetector", "faces.mtcnn:MTCNNDetector", "three cascaded networks, weights in the package"),),
    "embedder": (),
    "corpus": (),
    "replica": (),
    "dataset": (),
    "transform": (),
    "sampler": (),
    "metric": (
        ("ForgeryMetric", "metrics.forgery:ForgeryMetric", "AUC, AP, EER, macro-F1 and more, by video and by sample"),
    ),
    "hook": (),
    "loop": (),
    "optim_wrapper": (),
    "model_wrapper": (),
    "collate": (),
    "visualizer": (),
}

_COMMANDS: tuple[tuple[str, str, str], ...] = (
    # name, target inside zoo, summary
    ("doctor", "cli.doctor:main", "what this machine has and what is missing"),
    ("info", "cli.info:main", "a component's kind, origin, signature and configs"),
    ("list", "cli.list_components:main", "the components at hand, by kind"),
)


@hookimpl
def zoo_components() -> Iterator[Component]:
    for kind, rows in _COMPONENTS.items():
        for name, target, summary in rows:
            yield Component(kind, name, f"zoo.{target}", summary)


@hookimpl
def zoo_commands() -> Iterator[Command]:
    for name, target, summary in _COMMANDS:
        yield Command(name, f"zoo.{target}", summary)


@hookimpl
def zoo_config_dirs() -> Mapping[str, Path]:
    package = Path(__file__).resolve().parents[1]
    installed = package / "_configs"
    return {"zoo": installed if installed.is_dir() else package.parent / "configs"}
