"""One picture to judge a preprocessing by: random crops, the least certain ones, and frames without a face."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from PIL import Image, ImageDraw

from zoo.datasets.crop_reader import CropReader
from zoo.datasets.manifest import Manifest
from zoo.faces.pipeline import LONG_VIDEOS
from zoo.files import atomic_write
from zoo.jobs.task import Executor
from zoo.jobs.work import Task, run_tasks
from zoo.media.choice import AtTimes
from zoo.media.decode import iter_frames
from zoo.media.pictures import is_stills
from zoo.structures import LABEL_NAMES, VideoRecord

CONTACT_SHEET: Final = "contact_sheet.jpg"
_SIDE: Final = 128
_COLUMNS: Final = 8
_CAPTION: Final = 14
_ROWS: Final = {"crops at random": 3, "least certain": 2, "frames without a face": 2}


@dataclass(frozen=True, slots=True)
class Missed:
    """A sampled frame in which no face was found."""

    record: VideoRecord
    time_s: float


def write_contact_sheet(
    path: str | os.PathLike, manifest: Manifest, missed: Sequence[Missed], *, seed: int = 0, executor: Executor
) -> None:
    """Write the picture at ``path`` (JPEG), atomically.

    Args:
        path: of the file.
        manifest: of the crops.
        missed: frames without a face; some of them are decoded again, in disposable workers.
        seed: of the choice.
        executor: where frames are decoded.

    Raises:
        WorkDirError: the file cannot be written.
    """
    rng = np.random.default_rng(seed)
    most = {name: rows * _COLUMNS for name, rows in _ROWS.items()}
    count = manifest.table.num_rows
    some = np.sort(rng.choice(count, min(count, most["crops at random"]), replace=False))
    scores = manifest.table["score"].to_numpy()
    doubtful = np.argsort(scores, kind="stable")[: most["least certain"]]
    reader = CropReader(manifest)
    chosen = [missed[row] for row in np.sort(rng.permutation(len(missed))[: most["frames without a face"]])]
    groups = {
        "crops at random": [_crop_tile(manifest, reader, int(row)) for row in some],
        "least certain": [_crop_tile(manifest, reader, int(row), score=True) for row in doubtful],
        "frames without a face": _missed_tiles(chosen, executor),
    }
    sheet = _draw({name: tiles for name, tiles in groups.items() if tiles})
    with atomic_write(path) as file:
        sheet.save(file, "JPEG", quality=88)


def frame_at(missed: Missed) -> np.ndarray:
    """The frame, uint8 [side, side, 3], shrunk into a square; what a worker does."""
    _, frame = next(iter(iter_frames(missed.record.path, choice=AtTimes([missed.time_s]), limits=LONG_VIDEOS)))
    scale = _SIDE / max(frame.shape[:2])
    size = (max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale)))
    square = np.zeros((_SIDE, _SIDE, 3), np.uint8)
    square[: size[1], : size[0]] = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    return square


def _crop_tile(manifest: Manifest, reader: CropReader, row: int, *, score: bool = False) -> tuple[np.ndarray, str]:
    facts = {name: manifest.table[name][row].as_py() for name in ("label", "method", "score")}
    picture = cv2.resize(reader.picture(row), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    label = LABEL_NAMES[facts["label"]] if facts["label"] in (0, 1) else "unknown"
    return picture, f"{facts['score']:.2f} {label}" if score else f"{label} {facts['method']}"


def _missed_tiles(chosen: Sequence[Missed], executor: Executor) -> list[tuple[np.ndarray, str]]:
    tiles: dict[str, np.ndarray] = {}

    def keep(key: str, picture: Any) -> None:
        tiles[key] = picture

    keys = {f"{one.record.video_id} {one.time_s:.2f} s": one for one in chosen if not is_stills(one.record.path)}
    run_tasks([Task(key, one) for key, one in keys.items()], frame_at, on_result=keep, executor=executor)
    return [(tiles[key], Path(key).name) for key in keys if key in tiles]


def _draw(groups: dict[str, list[tuple[np.ndarray, str]]]) -> Image.Image:
    heights = [_CAPTION + 6 + -(-len(tiles) // _COLUMNS) * (_SIDE + _CAPTION) for tiles in groups.values()]
    sheet = Image.new("RGB", (_COLUMNS * (_SIDE + 4), max(sum(heights), _CAPTION)), "white")
    pen = ImageDraw.Draw(sheet)
    top = 0
    for (name, tiles), height in zip(groups.items(), heights, strict=True):
        pen.text((2, top + 3), name, fill="black")
        for number, (picture, caption) in enumerate(tiles):
            row, column = divmod(number, _COLUMNS)
            x, y = column * (_SIDE + 4), top + _CAPTION + 6 + row * (_SIDE + _CAPTION)
            sheet.paste(Image.fromarray(picture), (x, y))
            pen.text((x + 1, y + _SIDE), caption[-21:], fill="black")
        top += height
    return sheet
