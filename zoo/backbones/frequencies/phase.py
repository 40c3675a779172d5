"""What the phases of the Fourier transform tell of a picture."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zoo.backbones.frequencies.colour import luma


class PhaseSpectrum(nn.Module):
    """The colours, and beside them what the phases alone make of the luma: ``IDFT(F(x) / |F(x)|)``, orthonormal.

    Upsampling leaves traces in the phase spectrum that survive where amplitudes are alike (Liu et al. 2021, SPSL:
    amplitude set to one, inverse transform, a fourth channel beside RGB). The
    orthonormal transform gives the fourth channel a mean square of 1 whatever the size.
    """

    def __init__(self) -> None:
        super().__init__()
        self.in_channels = 3
        self.out_channels = 4

    def forward(self, pixels: Tensor) -> Tensor:
        """``pixels`` [b, 3, h, w] in [0, 1] to [b, 4, h, w]."""
        spectrum = torch.fft.fft2(luma(pixels), norm="ortho")
        phases = spectrum / spectrum.abs().clamp(min=1e-8)
        return torch.cat((pixels, torch.fft.ifft2(phases, norm="ortho").real), dim=1)
