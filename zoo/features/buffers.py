"""Memory for batches: reused once nothing refers to it, and shared with the main process from inside a worker."""

from __future__ import annotations

import weakref
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import numpy as np
import torch

_MOST_IDLE_BYTES: Final = 512 << 20
_idle: dict[int, list[np.ndarray]] = defaultdict(list)


def allocate(shape: Sequence[int]) -> torch.Tensor:
    """An uninitialised float32 tensor for a batch that is handed out.

    In a data loader's worker it lies in shared memory, so that it reaches the main process uncopied.
    """
    if torch.utils.data.get_worker_info() is None:
        return scratch(shape, np.float32)
    storage = torch.UntypedStorage._new_shared(4 * int(np.prod(shape)), device="cpu")
    return torch.empty(0, dtype=torch.float32).set_(storage).view(tuple(shape))


def scratch(shape: Sequence[int], dtype: type[np.floating]) -> torch.Tensor:
    """An uninitialised tensor whose memory is kept for the next one when this one, and all its views, are gone.

    Fresh memory for every batch costs more than reading into it: the system clears each page first.
    """
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    buffer = _idle[size].pop() if _idle[size] else np.empty(size, np.uint8)
    view = buffer.view(dtype).reshape(shape)
    weakref.finalize(view, _keep, buffer).atexit = False
    return torch.from_numpy(view)  # refers to `view` for as long as the storage lives


def _keep(buffer: np.ndarray) -> None:
    if sum(size * len(buffers) for size, buffers in list(_idle.items())) + buffer.size <= _MOST_IDLE_BYTES:
        _idle[buffer.size].append(buffer)
