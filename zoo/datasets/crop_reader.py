"""Reading the crops that a manifest names, whether they lie as files or in packs."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import simplejpeg

from zoo.datasets.manifest import Manifest
from zoo.datasets.packs import CropPacks
from zoo.errors import DataError, MediaError
from zoo.media.limits import DEFAULT_LIMITS
from zoo.media.pictures import UNREADABLE, decode_picture

_JPEG: Final = b"\xff\xd8\xff"
_TURNED: Final = b"Exif"
_HEAD: Final = 256  # bytes within which Exif data begins
_SPACES: Final = ("YCbCr", "Gray", "RGB")


class CropReader:
    """Random access to the crops of a manifest; can be copied into data loader workers.

    Args:
        manifest: as `zoo.datasets.manifest.read_manifest` returns it.
    """

    def __init__(self, manifest: Manifest):
        self.root = manifest.root
        self._packs = CropPacks(manifest.root)
        self._paths = manifest.table["path"].combine_chunks()
        self._packed = self._packs.find(manifest.table["path"])

    def __len__(self) -> int:
        return len(self._paths)

    def encoded(self, row: int) -> bytes:
        """The file content of the crop at ``row`` of the manifest.

        Raises:
            DataError: it is not there.
        """
        if self._packed[row] >= 0:
            return self._packs.read(int(self._packed[row]))
        path = f"{self.root}/{self._paths[row].as_py()}"  # as a Path it would cost as much as opening the file
        try:
            with open(path, "rb", buffering=0) as file:
                return file.read()
        except OSError as error:
            raise DataError(
                f"A crop of the manifest cannot be read: {error.strerror}.",
                where=path,
                next_step="Repeat the preprocessing: it cuts again what is missing.",
            ) from error

    def picture(self, row: int, *, out: np.ndarray | None = None) -> np.ndarray:
        """The crop at ``row`` of the manifest, uint8 [size, size, 3], RGB.

        Args:
            row: of the manifest.
            out: like the result; it is used, and returned, where size and decoder allow.

        Raises:
            DataError: it is not there, no picture, or damaged; a JPEG decoder would fill up what lacks with grey.
        """
        try:
            return decode_crop(self.encoded(row), name=self._paths[row].as_py(), out=out)
        except (*UNREADABLE, MediaError) as error:
            reason = error.what if isinstance(error, MediaError) else f"{error}"
            raise DataError(f"A crop is damaged or no picture: {reason.rstrip('.')}.", **self._place(row)) from error

    def _place(self, row: int) -> dict[str, Any]:
        """Where the crop at ``row`` lies, and what brings it back."""
        if self._packed[row] < 0:
            step = "Delete this file and repeat the preprocessing: it cuts again what is missing."
            return {"where": self.root / self._paths[row].as_py(), "next_step": step}
        pack = self._packs.pack_of(int(self._packed[row]))
        step = f"Delete {pack.name} and repeat the preprocessing with --pack: it cuts again what is missing."
        return {"where": f"{pack}, {self._paths[row].as_py()}", "next_step": step}


def decode_crop(content: bytes, *, name: object, out: np.ndarray | None = None) -> np.ndarray:
    """The crop that is encoded in ``content``, uint8 [size, size, 3], RGB.

    By the fastest decoder, for the JPEGs that `zoo preprocess` writes; by Pillow what is of another format, in CMYK or
    to be turned. See `zoo.media.pictures.decode_picture` for ``name`` and what is raised, and `CropReader.picture` for
    ``out``.
    """
    if content.startswith(_JPEG) and _TURNED not in content[:_HEAD]:
        height, width, space, _ = simplejpeg.decode_jpeg_header(content)
        if space in _SPACES and height * width <= DEFAULT_LIMITS.max_pixels:
            if out is None or out.shape[:2] != (height, width):
                return simplejpeg.decode_jpeg(content, "RGB")
            simplejpeg.decode_jpeg(content, "RGB", buffer=out)
            return out
    return decode_picture(content, name=name)
