"""Norms alone are trained."""

from __future__ import annotations

import timm.layers
from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from zoo.errors import ConfigError

_NORMS = (nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, timm.layers.RmsNorm, _NormBase)


class NormTuning:
    """Everything keeps its trained value but the scales and shifts of norms (LN-tuning, Qi et al. 2022).

    Of a vision transformer these are less than a thousandth of all parameters.
    """

    def apply(self, model: nn.Module, *, where: object) -> None:
        """Freeze ``model`` but for its norms, in place.

        Raises:
            ConfigError: it has none with parameters.
        """
        model.requires_grad_(False)
        norms = [module for module in model.modules() if isinstance(module, _NORMS)]
        for norm in norms:
            norm.requires_grad_(True)
        if not any(True for norm in norms for _ in norm.parameters()):
            raise ConfigError("The model has no norms to be trained.", where=where)
