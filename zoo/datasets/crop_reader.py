"""Reading the crops that a manifest names, whether they lie as files or in packs."""

from __future__ import annotations

import cv2
import numpy as np

from zoo.datasets.manifest import Manifest
from zoo.datasets.packs import CropPacks
from zoo.errors import DataError


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
        path = self.root / self._paths[row].as_py()
        try:
            return path.read_bytes()
        except OSError as error:
            raise DataError(
                f"A crop of the manifest cannot be read: {error.strerror}.",
                where=path,
                next_step="Repeat the preprocessing: it cuts again what is missing.",
            ) from error

    def picture(self, row: int) -> np.ndarray:
        """The crop at ``row`` of the manifest, uint8 [size, size, 3], RGB.

        Raises:
            DataError: it is not there, or no picture.
        """
        content = np.frombuffer(self.encoded(row), np.uint8)
        picture = cv2.imdecode(content, cv2.IMREAD_COLOR) if len(content) else None
        if picture is None:
            raise DataError("A crop is no picture.", where=self.root / self._paths[row].as_py())
        return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
