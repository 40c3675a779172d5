"""Members' predictions files, read when they are asked for, and the file that holds an ensemble."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa

from zoo.ensembles.ensemble import Ensemble
from zoo.errors import CheckpointError, ConfigError
from zoo.files import write_json
from zoo.predictions import read_scores

_COLUMNS: Final = ("corpus", "method", "video_id", "label", "score", "status")


class PredictionFiles(Mapping[str, pa.Table]):
    """Name to predictions, of which `zoo.ensembles.joining.join` has one table at a time in memory.

    Args:
        paths: predictions files, or scores made elsewhere (see `zoo.predictions.read_scores`), one a member.
        names: of the members; without them the files' names without suffix, or those of their folders if the files
            are called alike.

    Raises:
        ConfigError: other numbers of names than files, a file twice, or a name twice.
    """

    def __init__(self, paths: Sequence[str | os.PathLike], *, names: Sequence[str] | None = None) -> None:
        files = [Path(path) for path in paths]
        if names is not None and len(names) != len(files):
            raise ConfigError(f"There are {len(files)} files and {len(names)} names.", next_step="Give a name a file.")
        if len({path.resolve() for path in files}) < len(files):
            raise ConfigError("A file is given twice.", where=", ".join(map(str, files)))
        found = list(names) if names is not None else _names_of(files)
        if len(set(found)) < len(found):
            raise ConfigError(
                f"Members need different names, not {', '.join(found)}.", next_step="Name them: --names visual audio."
            )
        self.paths = dict(zip(found, files, strict=True))

    def __getitem__(self, name: str) -> pa.Table:
        return read_scores(self.paths[name])[0].select(_COLUMNS)

    def __iter__(self) -> Iterator[str]:
        return iter(self.paths)

    def __len__(self) -> int:
        return len(self.paths)


def write_ensemble(path: str | os.PathLike, ensemble: Ensemble) -> None:
    """Write all of ``ensemble`` as JSON, atomically.

    Raises:
        WorkDirError: the file cannot be written.
    """
    write_json(path, ensemble.state())


def read_ensemble(path: str | os.PathLike) -> Ensemble:
    """What `write_ensemble` wrote.

    Raises:
        CheckpointError: absent, unreadable, or not an ensemble.
    """
    try:
        state = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"Cannot read the ensemble: {error}.", where=path) from error
    if not isinstance(state, dict):
        raise CheckpointError("Not the state of an ensemble.", where=path, next_step="Write one: zoo combine --save.")
    return Ensemble.from_state(state, where=path)


def _names_of(files: Sequence[Path]) -> list[str]:
    names = [path.stem for path in files]
    return names if len(set(names)) == len(names) else [path.resolve().parent.name for path in files]
