"""A picture as a sum of its frequency bands, with borders that are learnt."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.backbones.frequencies.block_dct import cosine_basis
from zoo.errors import ConfigError

_BORDERS = (1 / 16, 1 / 8)  # of the lower half of the diagonal: low, middle, high
_RANGE = 0.1


class FrequencyDecomposition(nn.Module):
    """The colours seen through filters of low, middle and high frequencies, and through one of all of them.

    ``y_i = D' ((D x) * (f_i + s(w_i)))`` with D the DCT of the whole picture, f_i one where ``(u / h + v / w) / 2``
    lies in the band i (below 1/16, to 1/8, above; all), and ``s(w) = tanh(w / 2)`` of weights that are learnt: the
    frequency-aware decomposition of F3-Net (Qian et al. 2020). There every coefficient has a weight of its own; here
    they are a grid that is interpolated, so that pictures of any size are taken.

    Args:
        grid: the learnt weights of a filter are this many squared.

    Raises:
        ConfigError: the grid is smaller than 2.
    """

    def __init__(self, *, grid: int = 28):
        super().__init__()
        if grid < 2:
            raise ConfigError(f"grid must be at least 2, not {grid}.", where="FrequencyDecomposition")
        self.in_channels = 3
        self.out_channels = 12
        self.weights = nn.Parameter(torch.empty(4, grid, grid).uniform_(-_RANGE, _RANGE))

    def forward(self, pixels: Tensor) -> Tensor:
        """``pixels`` [b, 3, h, w] in [0, 1] to [b, 12, h, w]: red, green and blue by band."""
        height, width = pixels.shape[-2:]
        rows, columns = cosine_basis(height).to(pixels), cosine_basis(width).to(pixels)
        spectrum = rows @ pixels @ columns.T
        filtered = spectrum.unsqueeze(1) * self._filters(height, width).unsqueeze(1)
        return (rows.T @ filtered @ columns).flatten(1, 2)

    def _filters(self, height: int, width: int) -> Tensor:
        """[4, h, w]."""
        u = torch.arange(height, device=self.weights.device) / height
        v = torch.arange(width, device=self.weights.device) / width
        place = (u[:, None] + v) / 2
        low, middle = place < _BORDERS[0], place < _BORDERS[1]
        bands = torch.stack((low, middle & ~low, ~middle, torch.ones_like(low)))
        learnt = F.interpolate(self.weights[None], (height, width), mode="bilinear", align_corners=True)[0]
        return bands + torch.tanh(learnt / 2)
