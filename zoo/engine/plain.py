"""Tensors and plain types: the only things that our files hold, so that reading them can run no code."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from zoo.errors import CheckpointError


def plain(value: Any, *, where: str = "state") -> Any:
    """``value`` with tensors on the CPU, arrays as tensors, mappings and dataclasses as dicts, numbers built in.

    Raises:
        CheckpointError: something in it is none of these; ``where`` tells its path.
    """
    if value is None or type(value) in (bool, int, float, str, bytes):
        return value
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().contiguous()  # files do not depend on memory layouts
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return torch.from_numpy(np.ascontiguousarray(value))
    if isinstance(value, Mapping):
        return {_key(key, where): plain(item, where=f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [plain(item, where=f"{where}.{index}") for index, item in enumerate(value)]
        return items if isinstance(value, list) else tuple(items)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: plain(getattr(value, field.name), where=f"{where}.{field.name}")
            for field in dataclasses.fields(value)
        }
    for kind in (bool, int, float, str):
        if isinstance(value, kind):  # an enum member or another subclass
            return kind(value)
    raise CheckpointError(
        f"A {type(value).__name__} cannot be saved: files hold tensors and plain types only.",
        where=where,
        next_step="Turn it into tensors, numbers, strings, lists and dicts before it is saved.",
    )


def _key(key: Any, where: str) -> str | int:
    if isinstance(key, str):
        return str(key)
    if type(key) is int:
        return key
    raise CheckpointError(f"A {type(key).__name__} cannot be a key in a saved dict.", where=where)
