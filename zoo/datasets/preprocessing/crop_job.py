"""What is done with one video, in whatever process: cut its faces out, write them, tell what the manifest needs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any, Final

import cv2
import numpy as np

from zoo.errors import ConfigError, DataError, MediaError, WorkDirError
from zoo.faces.likeness import perceptual_hash
from zoo.faces.pipeline import FaceCropper, FaceCrops, KnownFaces
from zoo.faces.track import Sightings
from zoo.structures import LABEL_NAMES, VideoRecord

UNFINISHED: Final = ".unfinished"
"""Folder of the output in which the crops of a video lie until all of them are written."""

_CODECS: Final[Mapping[str, int]] = {"jpg": cv2.IMWRITE_JPEG_QUALITY, "png": cv2.IMWRITE_PNG_COMPRESSION}
_PNG_EFFORT: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class CropTask:
    """One video, and where its faces are if another video with the same frames has told."""

    record: VideoRecord
    known: KnownFaces | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How crops are stored: ``jpg`` at a ``quality`` from 1 to 100, or ``png``, which loses nothing.

    Raises:
        ConfigError: another format or quality.
    """

    format: str = "jpg"
    quality: int = 95

    def __post_init__(self) -> None:
        if self.format not in _CODECS or not 1 <= self.quality <= 100:
            raise ConfigError(
                f"Crops are not stored as {self.format!r} at quality {self.quality}.",
                where="--format, --quality",
                next_step="Choose jpg with a quality from 1 to 100, or png.",
            )

    def encode(self, picture: np.ndarray) -> bytes:
        """The file content of ``picture`` (uint8 [h, w, 3], RGB)."""
        value = self.quality if self.format == "jpg" else _PNG_EFFORT
        _, content = cv2.imencode(f".{self.format}", picture[..., ::-1], [_CODECS[self.format], value])
        return content.tobytes()


class CropJob:
    """Callable with a `CropTask`; picklable, keeps its networks from video to video.

    Args:
        output: the folder below which crops are written.
        cropper: cuts faces out.
        encoding: how crops are stored.
    """

    def __init__(self, output: Path, cropper: FaceCropper, encoding: Encoding):
        self.output = output
        self.cropper = cropper
        self.encoding = encoding

    def __call__(self, task: CropTask) -> dict[str, Any]:
        """Write the crops of one video; returns plain values: columns of the crops, and what they are based on."""
        crops = self.cropper.crop(task.record, known=task.known)
        folder = crop_folder(task.record)
        names = [
            f"{track:02d}_{place:06d}.{self.encoding.format}"
            for track, place in zip(crops.track.tolist(), crops.position.tolist(), strict=True)
        ]
        hashes = self._write(folder, names, crops) if names else []
        value = _value(crops, folder, names, hashes)
        if np.isfinite(crops.points).any():
            value["points"] = crops.points.tolist()  # for others that are cut at the same places
            value["crop_points"] = [_pixels(points) for points in crops.crop_points]
        return {**value, "reused": task.known is not None}

    def _write(self, folder: PurePosixPath, names: list[str], crops: FaceCrops) -> list[int]:
        """The crops as files, one held at a time; returns their perceptual hashes.

        Whole files or none: written elsewhere below the output and then moved, as a folder where there is none yet.

        What is there is replaced file by file, never removed first: a worker whose run was killed may still be at the
        same video, with the same result.
        """
        target = self.output / folder
        temporary = self.output / UNFINISHED / f"{os.getpid()}-{sha256(folder.as_posix().encode()).hexdigest()[:16]}"
        hashes: dict[int, int] = {}
        try:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            for row, picture in crops.cut():
                (temporary / names[row]).write_bytes(self.encoding.encode(picture))
                hashes[row] = int(perceptual_hash(picture[None])[0])
            if len(hashes) < len(names):
                raise MediaError("Decoding the video a second time gave fewer frames.", where=target)
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.replace(temporary, target)
            except OSError:
                if not target.is_dir():
                    raise
                _move_files(temporary, target, names)
        except OSError as error:
            raise WorkDirError(
                f"Cannot write the crops: {error.strerror or error}.",
                where=target,
                next_step="Free disk space or choose a folder you may write, then repeat the command: it goes on.",
            ) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return [hashes[row] for row in range(len(names))]


def _move_files(source: Path, target: Path, names: list[str]) -> None:
    """Move the files ``names`` over those in ``target``, whose other files go; ``source`` goes too."""
    for name in names:
        os.replace(source / name, target / name)
    for path in target.iterdir():
        if path.name not in names and path.is_file():
            path.unlink(missing_ok=True)
    source.rmdir()


def crop_folder(record: VideoRecord) -> PurePosixPath:
    """Where below the output the crops of ``record`` lie: ``train/fake/<video_id>``.

    Raises:
        DataError: its id leads elsewhere.
    """
    label = LABEL_NAMES[record.label] if record.label in (0, 1) else "unknown"
    top = PurePosixPath(record.split or "all", label)
    path = top / record.video_id
    if path.is_absolute() or ".." in path.parts or path == top or "\0" in record.video_id:
        raise DataError(f"The id {record.video_id!r} leads out of the output folder.", where=record.path)
    return path


def crops_are_there(output: Path, value: Mapping[str, Any]) -> bool:
    """Whether every crop that ``value`` (of `CropJob`) names is a file with content below ``output``."""
    if not value["names"]:
        return True
    try:
        with os.scandir(output / value["folder"]) as entries:
            there = {entry.name for entry in entries if entry.is_file() and entry.stat().st_size}
    except OSError:
        return False
    return there.issuperset(value["names"])


def _pixels(points: np.ndarray) -> list[float] | None:
    """``points`` [5, 2] as ten numbers, to a hundredth of a pixel; None if all are unknown."""
    return None if np.isnan(points).all() else points.astype(np.float64).round(2).ravel().tolist()


def known_faces(value: Mapping[str, Any]) -> KnownFaces | None:
    """Where faces are, out of the ``value`` that `CropJob` returned for another video; None if it has none."""
    if not value["names"]:
        return None
    track = np.array(value["track"])
    points = np.array(value.get("points") or np.full((len(track), 5, 2), np.nan), np.float32)
    people = []
    for number in np.unique(track):
        rows = np.flatnonzero(track == number)
        people.append(
            Sightings(
                times=[value["time_s"][row] for row in rows],
                boxes=[np.array(value["box"][row], np.float32) for row in rows],
                scores=[value["score"][row] for row in rows],
                points=list(points[rows]),
            )
        )
    return KnownFaces(people=people, frame_size=tuple(value["frame_size"]))


def _value(crops: FaceCrops, folder: PurePosixPath, names: list[str], hashes: list[int]) -> dict[str, Any]:
    sampled = len(crops.sampled)
    seen = len(set(crops.position.tolist()))
    missed = crops.sampled[np.setdiff1d(np.arange(sampled), crops.position)]
    return {
        "status": crops.status,
        "note": crops.note,
        "folder": folder.as_posix(),
        "names": names,
        "track": crops.track.tolist(),
        "position": crops.position.tolist(),
        "time_s": crops.times.tolist(),
        "box": crops.boxes.tolist(),
        "score": crops.scores.tolist(),
        "detector": list(crops.detectors),
        "phash": hashes,
        "frame_size": list(crops.frame_size),
        "frames": sampled,
        "frames_with_face": seen,
        "missed_s": missed.tolist(),
        "ledger": crops.ledger.to_dict(),
    }
