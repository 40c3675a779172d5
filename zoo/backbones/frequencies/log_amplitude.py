"""Amplitudes of the Fourier transform."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LogAmplitude(nn.Module):
    """``A = log(1 + |F(x)|)`` of each colour, F the orthonormal two-dimensional DFT of values in [0, 255].

    Frequency zero is moved to the middle. Upsampling in a generator repeats the spectrum, which shows as peaks away
    from it (Liu et al. 2021, SPSL, who compare amplitude and phase). Where in the picture something is, the
    amplitude does not tell: a picture that is shifted around its borders has the same.
    """

    def __init__(self) -> None:
        super().__init__()
        self.in_channels = 3
        self.out_channels = 3

    def forward(self, pixels: Tensor) -> Tensor:
        """``pixels`` [b, 3, h, w] in [0, 1] to [b, 3, h, w], at least 0."""
        spectrum = torch.fft.fft2(255 * pixels, norm="ortho")
        return torch.fft.fftshift(spectrum.abs().log1p(), dim=(-2, -1))
