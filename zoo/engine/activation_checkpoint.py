"""Recompute activations in the backward pass instead of keeping them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from fnmatch import fnmatchcase

from torch import nn
from torch.utils.checkpoint import checkpoint

from zoo.errors import ConfigError, did_you_mean


def checkpoint_activations(model: nn.Module, names: Sequence[str]) -> list[str]:
    """Make the submodules called ``names`` recompute their activations; returns the full names of those found.

    The non-reentrant kind: the reentrant one gives no gradients to a block whose inputs need none, the first one for
    example.

    Args:
        model: changed in place; its parameters and their names stay as they are.
        names: dotted names, or patterns such as ``temporal.layers.*`` (``*`` crosses dots).

    Raises:
        ConfigError: a name matches no submodule.
    """
    modules = {name: module for name, module in model.named_modules() if name}
    chosen: dict[str, nn.Module] = {}
    for pattern in names:
        found = {name: module for name, module in modules.items() if fnmatchcase(name, pattern)}
        if not found:
            raise ConfigError(f"No submodule {pattern!r}.{did_you_mean(pattern, modules)}", where=type(model).__name__)
        chosen |= found
    outermost = [name for name in chosen if not any(name.startswith(f"{other}.") for other in chosen)]
    for name in outermost:
        module = chosen[name]
        module.forward = functools.partial(checkpoint, module.forward, use_reentrant=False)
    return outermost
