"""In which number format and memory layout a model computes, told by what the model is made of and where it runs.

Weights, gradients and the optimiser's state are float32 always, and so is what checkpoints hold.
"""

from __future__ import annotations

import functools
import platform
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

import torch
from torch import Tensor, nn

from zoo.errors import ConfigError, did_you_mean
from zoo.registry import build

PRECISIONS: Final[Mapping[str, torch.dtype | None]] = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}
_CONVOLUTIONS: Final = (nn.Conv2d, nn.ConvTranspose2d)


def resolve_precision(precision: str, device_type: str) -> str:
    """``precision`` with ``auto`` settled: bf16 where the device has it, else fp16 on a GPU and fp32 on a CPU.

    Raises:
        ConfigError: no such precision, or fp16 on a CPU.
    """
    if precision == "auto":
        if device_type == "cuda":
            return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
        return "bf16" if device_type == "cpu" and cpu_computes_in_bf16() else "fp32"
    if precision not in PRECISIONS:
        raise ConfigError(
            f"No precision {precision!r}; there are auto, {', '.join(PRECISIONS)}.", where="optim_wrapper"
        )
    if precision == "fp16" and device_type == "cpu":
        raise ConfigError("fp16 training needs a GPU.", where="optim_wrapper", next_step="Use bf16 or fp32 on a CPU.")
    return precision


def autocast_to(precision: str, device_type: str) -> torch.autocast:
    """The autocast to ``precision`` as `resolve_precision` gives it, which does nothing for ``fp32``."""
    dtype = PRECISIONS[precision]
    return torch.autocast(device_type, dtype=dtype, enabled=dtype is not None)


def cpu_computes_in_bf16() -> bool:
    """Whether this CPU has instructions for bf16; where it only imitates them, float32 is faster."""
    if platform.machine() in ("x86_64", "AMD64"):
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.ops.mkldnn._is_mkldnn_bf16_supported()


class PrecisionPolicy:
    """Autocast, the memory format of convolutions, and the layers that stay in float32.

    Args:
        autocast: ``bf16``, ``fp16`` (GPU only), ``fp32`` (none), or ``auto``: bf16 where the device has instructions
            for it, else fp16 on a GPU and none on a CPU.
        channels_last: lay the weights of two-dimensional convolutions out as [out, h, w, in]; what they compute then
            lies as [b, h, w, c], in which a CPU is fastest and which a GPU's tensor cores want.
        keep_fp32: dotted names or patterns of submodules (``rgb.*``, where ``*`` crosses dots) that compute in float32
            in spite of the autocast; ``slow`` stands for the layers that `is_slow_in_bf16` names. None is ``("slow",)``
            on a CPU and nothing on a GPU.

    Raises:
        ConfigError: no such precision.
    """

    def __init__(
        self, *, autocast: str = "auto", channels_last: bool = True, keep_fp32: Sequence[str] | None = None
    ) -> None:
        if autocast not in ("auto", *PRECISIONS):
            raise ConfigError(
                f"No precision {autocast!r}; there are auto, {', '.join(PRECISIONS)}.", where="optim_wrapper.precision"
            )
        self.autocast = autocast
        self.channels_last = channels_last
        self.keep_fp32 = keep_fp32 if keep_fp32 is None else tuple(keep_fp32)

    def precision_on(self, device_type: str) -> str:
        """``fp32``, ``bf16`` or ``fp16``: what the autocast computes in on such a device."""
        return resolve_precision(self.autocast, device_type)

    def context(self, device_type: str) -> torch.autocast:
        """The autocast for one forward pass."""
        return autocast_to(self.precision_on(device_type), device_type)

    def prepare(self, model: nn.Module) -> list[str]:
        """Lay the model out and mark the layers that stay in float32; returns their names.

        Neither changes what the model computes without an autocast, but for rounding, nor the names, shapes and
        number format of its weights. A model can be prepared again, by another policy too.

        Args:
            model: changed in place; already on its device.

        Raises:
            ConfigError: a pattern of ``keep_fp32`` that matches no submodule, or fp16 on a CPU.
        """
        device_type = next((p.device.type for p in model.parameters()), "cpu")
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        for module in model.modules():
            if isinstance(module, _CONVOLUTIONS):
                module.to(memory_format=layout)  # type: ignore[call-overload]
        kept = self._kept(model, device_type)
        for name, module in model.named_modules():
            _set_kept(module, name in kept)
        return kept

    def _kept(self, model: nn.Module, device_type: str) -> list[str]:
        modules = {name: module for name, module in model.named_modules() if name}
        chosen: set[str] = set()
        asked = self.keep_fp32
        if asked is None:
            asked = ("slow",) if device_type == "cpu" else ()
        for pattern in asked:
            if pattern == "slow":
                chosen |= {name for name, module in modules.items() if is_slow_in_bf16(module)}
                continue
            found = {name for name in modules if fnmatchcase(name, pattern)}
            if not found:
                raise ConfigError(
                    f"No submodule {pattern!r} to keep in float32.{did_you_mean(pattern, modules)}",
                    where="optim_wrapper.precision.keep_fp32",
                )
            chosen |= found
        if self.precision_on(device_type) == "fp32":
            return []
        return sorted(name for name in chosen if not any(_is_below(name, other) for other in chosen))


def is_slow_in_bf16(module: nn.Module) -> bool:
    """Whether a CPU takes longer to train this layer in bf16 than in float32.

    oneDNN has fast bf16 gradients of dense convolutions and of depthwise ones 3 pixels wide with stride 1, as Xception
    has them. Others that are depthwise, half of those in an EfficientNet, fall back to loops that take 2 to 11 times
    as long as float32. ``benchmarks/picture_step.py`` measures what follows from it.
    """
    if not isinstance(module, nn.Conv2d) or module.groups == 1 or module.groups != module.in_channels:
        return False
    return max(module.kernel_size) > 3 or max(module.stride) > 1 or max(module.dilation) > 1


def precision_policy(precision: str | Mapping[str, Any] | PrecisionPolicy) -> PrecisionPolicy:
    """The policy that a config's ``precision`` names.

    ``fp32`` is the plain way in all respects: no autocast, and tensors laid out as they come. Any other word is the
    autocast of a `PrecisionPolicy`; a mapping holds the arguments of one, or the ``type`` of another.
    """
    if isinstance(precision, str):
        return PrecisionPolicy(autocast=precision, channels_last=precision != "fp32")
    if isinstance(precision, Mapping):
        return build("precision", {"type": "PrecisionPolicy", **precision})
    return precision


class _InFloat32:
    """The forward pass of a layer that leaves the autocast around it; without one it is the layer's own."""

    def __init__(self, forward: Callable[..., Any]):
        self.forward = forward
        functools.update_wrapper(self, forward, updated=())

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        device_type = next((x.device.type for x in arguments if isinstance(x, Tensor)), "cpu")
        if not torch.is_autocast_enabled(device_type):
            return self.forward(*arguments, **options)
        with torch.autocast(device_type, enabled=False):
            return self.forward(*map(_as_float32, arguments), **{key: _as_float32(x) for key, x in options.items()})


def _set_kept(module: nn.Module, kept: bool) -> None:
    marked = isinstance(module.__dict__.get("forward"), _InFloat32)
    if kept and not marked:
        module.forward = _InFloat32(module.forward)
    elif marked and not kept:
        original = module.__dict__.pop("forward").forward
        if original != module.forward:  # it was itself put there, by activation checkpointing for example
            module.forward = original


def _as_float32(value: Any) -> Any:
    return value.float() if isinstance(value, Tensor) and value.is_floating_point() else value


def _is_below(name: str, other: str) -> bool:
    return name.startswith(f"{other}.")
