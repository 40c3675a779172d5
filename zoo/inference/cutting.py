"""What a worker does with one file: find its faces and cut them out, or read the crops that it holds already."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from zoo.datasets.crop_reader import CropReader, decode_crop
from zoo.datasets.preprocessing.crop_job import Encoding
from zoo.errors import DataError, MediaError
from zoo.faces.crop import cut_faces, resized
from zoo.faces.pipeline import FaceCropper
from zoo.inference.inputs import InputFile
from zoo.media.choice import Evenly
from zoo.media.ledger import DecodeLedger
from zoo.media.pictures import iter_pictures


class CutJob:
    """Callable with an `InputFile`; picklable, keeps its networks from file to file.

    Args:
        size: side in pixels of the crops that the detector takes.
        cropper: finds and cuts faces; None where no file needs it.
        pictures_are_crops: a still is a crop already, and only resized.
        encoding: crops are stored and read again as those of the training were, so that its traces are the same.
        reader: of the crops of a manifest.
        frames_per_video: at most so many crops of each video of a manifest, evenly; None for all.
    """

    def __init__(
        self,
        *,
        size: int,
        cropper: FaceCropper | None,
        pictures_are_crops: bool,
        encoding: Encoding | None = None,
        reader: CropReader | None = None,
        frames_per_video: int | None = None,
    ):
        self.size = size
        self.cropper = cropper
        self.pictures_are_crops = pictures_are_crops
        self.encoding = encoding
        self.reader = reader
        self.frames_per_video = frames_per_video

    def __call__(self, file: InputFile) -> dict[str, Any]:
        """The crops of one file.

        Returns:
            ``status`` (``ok`` or ``no_face``), ``crops`` uint8 [n, size, size, 3] RGB sorted by person and time,
            ``times`` [n] in seconds (None for stills), and ``note``, what was lost in decoding.

        Raises:
            MediaError: it cannot be decoded, or breaks a limit.
        """
        if file.kind == "crops":
            return self._stored(file)
        if file.kind == "picture" and self.pictures_are_crops:
            return self._picture(file)
        return self._cut(file)

    def _stored(self, file: InputFile) -> dict[str, Any]:
        assert self.reader is not None
        rows = np.array(file.rows)
        if self.frames_per_video is not None and len(rows) > self.frames_per_video:
            parts = (np.arange(self.frames_per_video) + 0.5) * len(rows) / self.frames_per_video
            rows = rows[parts.astype(int)]
        try:
            pictures = [self.reader.picture(int(row)) for row in rows]
        except DataError as error:
            raise MediaError(error.what, where=error.where, next_step=error.next_step) from error
        return self._answer([resized(_square(picture), self.size) for picture in pictures])

    def _picture(self, file: InputFile) -> dict[str, Any]:
        assert file.record is not None
        read = partial(iter_pictures, file.record.path, choice=Evenly(1), ledger=(ledger := DecodeLedger()))
        pictures = [resized(_square(picture), self.size) for _, picture in read()]
        return self._answer(pictures, ledger=ledger)

    def _cut(self, file: InputFile) -> dict[str, Any]:
        assert self.cropper is not None and file.record is not None
        found = self.cropper.crop(file.record)
        cuts = {row: resized(self._stored_once(picture), self.size) for row, picture in found.cut()}
        pictures = [cuts[row] for row in sorted(cuts)]
        if len(pictures) < len(found.times):
            raise MediaError("Decoding the video a second time gave fewer frames.", where=file.record.path)
        times = None if file.kind == "picture" else found.times.tolist()
        return self._answer(pictures, times=times, ledger=found.ledger)

    def _answer(
        self, pictures: list[np.ndarray], *, times: list[float] | None = None, ledger: DecodeLedger | None = None
    ) -> dict[str, Any]:
        return {
            "status": "ok" if pictures else "no_face",
            "crops": np.stack(pictures) if pictures else np.empty((0, self.size, self.size, 3), np.uint8),
            "times": times,
            "note": "" if ledger is None or ledger.complete else ledger.summary(),
        }

    def _stored_once(self, picture: np.ndarray) -> np.ndarray:
        if self.encoding is None or self.encoding.format == "png":
            return picture
        return decode_crop(self.encoding.encode(picture), name="a crop")


def _square(picture: np.ndarray) -> np.ndarray:
    """``picture`` in the middle of a square, its border repeated."""
    height, width = picture.shape[:2]
    if height == width:
        return picture
    side = max(height, width)
    return cut_faces(picture[None], np.array([[0, 0, width, height]], np.float32), size=side, margin=1.0)[0]
