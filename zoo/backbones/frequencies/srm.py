"""Noise residuals of the spatial rich model."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.errors import ConfigError

_SECOND_ORDER = ((0, 0, 0, 0, 0), (0, 0, 0, 0, 0), (0, 1, -2, 1, 0), (0, 0, 0, 0, 0), (0, 0, 0, 0, 0))
_SQUARE_3 = ((0, 0, 0, 0, 0), (0, -1, 2, -1, 0), (0, 2, -4, 2, 0), (0, -1, 2, -1, 0), (0, 0, 0, 0, 0))
_SQUARE_5 = ((-1, 2, -2, 2, -1), (2, -6, 8, -6, 2), (-2, 8, -12, 8, -2), (2, -6, 8, -6, 2), (-1, 2, -2, 2, -1))
_FILTERS = ((_SECOND_ORDER, 2), (_SQUARE_3, 4), (_SQUARE_5, 12))


class SRMResiduals(nn.Module):
    """What a neighbourhood does not tell about its pixel: three linear residuals of each colour, truncated.

    ``R = clip((K * x) / q, -T, T)`` with x in [0, 255], for the kernels K and quantisation steps q = 2, 4 and 12 of the
    second-order residual along rows and of the 3 x 3 and 5 x 5 squares (Fridrich and Kodovsky 2012, without the
    rounding). Each kernel sums to zero, so that what is smooth vanishes and noise and edges stay. Borders are
    repeated.

    Args:
        truncation: T, positive.

    Raises:
        ConfigError: the truncation is not positive.
    """

    kernels: Tensor

    def __init__(self, *, truncation: float = 3.0):
        super().__init__()
        if truncation <= 0:
            raise ConfigError(f"truncation must be positive, not {truncation}.", where="SRMResiduals")
        self.in_channels = 3
        self.out_channels = 3 * len(_FILTERS)
        self.truncation = truncation
        kernels = torch.stack([torch.tensor(kernel, dtype=torch.float32) * 255 / step for kernel, step in _FILTERS])
        self.register_buffer("kernels", kernels.unsqueeze(1).repeat(3, 1, 1, 1), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """``pixels`` [b, 3, h, w] in [0, 1] to [b, 9, h, w] in [-T, T]: three residuals of red, of green, of blue."""
        residuals = F.conv2d(F.pad(pixels, (2, 2, 2, 2), mode="replicate"), self.kernels, groups=3)
        return residuals.clamp(-self.truncation, self.truncation)
