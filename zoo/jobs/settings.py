"""The settings that a resumable job was begun with, beside its results: others are refused."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.errors import DataError
from zoo.files import write_json


def claim_settings(path: str | os.PathLike, settings: Mapping[str, Any], *, conflict: str, another: str) -> None:
    """Note ``settings`` (plain values) at ``path``, or find that they are those noted there.

    Args:
        path: of the file.
        settings: what shapes the results.
        conflict: how an error begins that names what differs, without its full stop.
        another: what to choose instead of the place that is taken, such as ``a new --output``.

    Raises:
        DataError: others are noted there, or the file cannot be read.
        WorkDirError: it cannot be written.
    """
    path = Path(path)
    now = json.loads(json.dumps(settings))
    if not path.is_file():
        write_json(path, now)
        return
    try:
        there = dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise DataError(f"The settings of the job cannot be read: {error}.", where=path) from error
    if other := sorted(name for name in {*there, *now} if there.get(name) != now.get(name)):
        changes = ", ".join(f"{name} {there.get(name)!r}, now {now.get(name)!r}" for name in other)
        raise DataError(
            f"{conflict}: {changes}.",
            where=path.parent,
            next_step=f"Repeat the command with its first options, or choose {another}.",
        )
