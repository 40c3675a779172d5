"""Energy of the frequencies of small windows."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.backbones.frequencies.colour import luma
from zoo.errors import ConfigError


class BlockDCT(nn.Module):
    """Log energy of the discrete cosine transform of sliding windows, by frequency band.

    For each window p of B x B luma values in [0, 255], with the orthonormal DCT-II

    ``D[u, v] = c(u) c(v) sum_xy p[x, y] cos(pi u (2x + 1) / 2B) cos(pi v (2y + 1) / 2B)``,
    ``c(0) = sqrt(1 / B)``, ``c(u > 0) = sqrt(2 / B)``,

    channel k is ``log(1 + mean |D[u, v]|)`` over the band ``floor((u + v) m / (2B - 1)) = k`` of m bands. These are
    the local frequency statistics of F3-Net (Qian et al. 2020), by default with the window of JPEG.

    Notation: b pictures, m bands.

    Args:
        window: B, side of the windows in pixels.
        stride: pixels from one window to the next.
        bands: m, at most 2B - 1; None gives every coefficient a channel of its own, in the order u B + v.

    Raises:
        ConfigError: a size out of range.
    """

    basis: Tensor
    pooling: Tensor

    def __init__(self, *, window: int = 8, stride: int = 2, bands: int | None = 6):
        super().__init__()
        if window < 2 or stride < 1 or (bands is not None and not 1 <= bands <= 2 * window - 1):
            raise ConfigError(
                f"window={window} must be at least 2, stride={stride} at least 1 and bands={bands} None or 1 to "
                f"{2 * window - 1}.",
                where="BlockDCT",
            )
        self.in_channels = 3
        self.out_channels = window * window if bands is None else bands
        self.window = window
        self.stride = stride
        matrix = cosine_basis(window)
        basis = torch.einsum("ux,vy->uvxy", matrix, matrix).reshape(window * window, 1, window, window)
        self.register_buffer("basis", 255 * basis, persistent=False)
        self.register_buffer("pooling", _pooling(window, bands)[:, :, None, None], persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """``pixels`` [b, 3, h, w] in [0, 1] to [b, m, (h - B) // stride + 1, (w - B) // stride + 1]."""
        coefficients = F.conv2d(luma(pixels), self.basis, stride=self.stride)
        return F.conv2d(coefficients.abs(), self.pooling).log1p()


def cosine_basis(size: int) -> Tensor:
    """The orthonormal DCT-II as a matrix [u, x], float32."""
    u, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    matrix = (torch.pi * u * (2 * x + 1) / (2 * size)).cos() * math.sqrt(2 / size)
    matrix[0] /= math.sqrt(2)
    return matrix


def _pooling(window: int, bands: int | None) -> Tensor:
    """Means over bands [m, B * B]."""
    if bands is None:
        return torch.eye(window * window)
    u, v = torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")
    band = ((u + v) * bands // (2 * window - 1)).flatten()
    member = F.one_hot(band, bands).T.float()
    return member / member.sum(dim=1, keepdim=True)
