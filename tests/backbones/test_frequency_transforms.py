"""The transforms against slow references and against what they are known for."""

import numpy as np
import pytest
import torch
from scipy.fft import dctn

from zoo.backbones.frequencies.block_dct import BlockDCT
from zoo.backbones.frequencies.decomposition import FrequencyDecomposition
from zoo.backbones.frequencies.log_amplitude import LogAmplitude
from zoo.backbones.frequencies.phase import PhaseSpectrum
from zoo.backbones.frequencies.srm import SRMResiduals
from zoo.errors import ConfigError

LUMA = np.array([0.299, 0.587, 0.114])


def noise(height=24, width=30, count=2):
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(0))


def luma_of(pixels):
    return np.einsum("c,bchw->bhw", LUMA, pixels.double().numpy())


def windows(plane, size, stride):
    for top in range(0, plane.shape[0] - size + 1, stride):
        for left in range(0, plane.shape[1] - size + 1, stride):
            yield top // stride, left // stride, plane[top : top + size, left : left + size]


@pytest.mark.parametrize(("size", "stride"), [(8, 8), (8, 3), (5, 2)])
def test_coefficients_equal_those_of_scipy(size, stride):
    pixels = noise()
    out = BlockDCT(window=size, stride=stride, bands=None)(pixels).numpy()
    assert out.shape == (2, size * size, (24 - size) // stride + 1, (30 - size) // stride + 1)
    for index, plane in enumerate(luma_of(pixels)):
        for row, column, window in windows(255 * plane, size, stride):
            expected = np.log1p(np.abs(dctn(window, type=2, norm="ortho"))).ravel()
            np.testing.assert_allclose(out[index, :, row, column], expected, atol=2e-4)


def test_bands_are_means_along_antidiagonals():
    pixels = noise()
    out = BlockDCT(window=8, stride=8, bands=6)(pixels).numpy()
    u, v = np.meshgrid(np.arange(8), np.arange(8), indexing="ij")
    band = (u + v) * 6 // 15
    assert sorted(set(band.ravel())) == list(range(6))
    for row, column, window in windows(255 * luma_of(pixels)[0], 8, 8):
        sizes = np.abs(dctn(window, type=2, norm="ortho"))
        expected = [np.log1p(sizes[band == k].mean()) for k in range(6)]
        np.testing.assert_allclose(out[0, :, row, column], expected, atol=2e-4)


def test_a_flat_picture_has_energy_in_the_lowest_band_only():
    out = BlockDCT()(torch.full((1, 3, 16, 16), 0.5))
    assert (out[:, 0] > 1).all()
    assert out[:, 1:].abs().max() < 1e-2


def test_a_fine_pattern_has_its_energy_in_the_highest_band():
    checks = (torch.arange(16)[:, None] + torch.arange(16)) % 2
    out = BlockDCT()(checks.float().expand(1, 3, 16, 16))
    assert (out[:, 5] > out[:, 1:5].amax(dim=1)).all()


def test_amplitudes_do_not_change_when_the_picture_is_shifted_around():
    pixels = noise()
    out = LogAmplitude()(pixels)
    torch.testing.assert_close(LogAmplitude()(pixels.roll((5, -7), dims=(2, 3))), out, atol=1e-3, rtol=1e-3)
    assert (LogAmplitude()(pixels.flip(0)) - out).abs().max() > 0.1


def test_amplitudes_equal_those_of_numpy_with_the_mean_in_the_middle():
    pixels = noise()
    spectrum = np.fft.fft2(255 * pixels.double().numpy(), norm="ortho")
    expected = np.fft.fftshift(np.log1p(np.abs(spectrum)), axes=(-2, -1))
    np.testing.assert_allclose(LogAmplitude()(pixels).numpy(), expected, atol=1e-3)
    flat = LogAmplitude()(torch.full((1, 3, 24, 30), 0.5))[0, 0]
    assert divmod(int(flat.argmax()), 30) == (12, 15)


def test_phases_do_not_change_with_contrast_and_carry_unit_power():
    pixels = noise()
    out = PhaseSpectrum()(pixels)
    assert torch.equal(out[:, :3], pixels)
    torch.testing.assert_close(PhaseSpectrum()(pixels * 0.3)[:, 3], out[:, 3], atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(out[:, 3].square().mean(), torch.tensor(1.0), atol=1e-3, rtol=0)


@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_residuals_of_a_flat_picture_are_zero_up_to_the_border(level):
    assert SRMResiduals()(torch.full((1, 3, 12, 12), level)).abs().max() < 1e-4


def test_residuals_of_a_slope_are_zero_inside():
    slope = (torch.arange(20.0) * 3 + torch.arange(20.0)[:, None] * 2) / 255
    out = SRMResiduals()(slope.expand(1, 3, 20, 20))
    assert out[..., 2:-2, 2:-2].abs().max() < 1e-3


def test_residuals_of_one_bright_pixel_are_the_kernels():
    pixels = torch.zeros(1, 3, 11, 11)
    pixels[0, 1, 5, 5] = 1 / 255
    out = SRMResiduals(truncation=100)(pixels)
    assert out[0, [0, 1, 2, 6, 7, 8]].abs().max() == 0  # red and blue
    rows, square, large = out[0, 3:6, 3:8, 3:8]
    torch.testing.assert_close(rows[2], torch.tensor([0, 1, -2, 1, 0]) / 2)
    torch.testing.assert_close(square[1:4, 1:4], torch.tensor([[-1, 2, -1], [2, -4, 2], [-1, 2, -1]]) / 4)
    torch.testing.assert_close(large[2], torch.tensor([-2, 8, -12, 8, -2]) / 12)
    for kernel in (rows, square, large):
        assert abs(float(kernel.sum())) < 1e-5


def test_residuals_are_truncated():
    out = SRMResiduals(truncation=2)(noise())
    assert out.min() == -2
    assert out.max() == 2


@pytest.mark.parametrize(
    ("build", "options"),
    [
        (BlockDCT, {"window": 1}),
        (BlockDCT, {"stride": 0}),
        (BlockDCT, {"bands": 16}),
        (BlockDCT, {"bands": 0}),
        (SRMResiduals, {"truncation": 0}),
    ],
)
def test_values_out_of_range_are_named(build, options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        build(**options)


def test_bands_sum_to_the_picture_and_the_filters_are_learnt():
    transform = FrequencyDecomposition(grid=4)
    picture = torch.rand(2, 3, 24, 32, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        transform.weights.zero_()
        low, middle, high, whole = transform(picture).chunk(4, dim=1)
    torch.testing.assert_close(whole, picture, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(low + middle + high, picture, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(low.mean(dim=(-2, -1)), picture.mean(dim=(-2, -1)), atol=1e-5, rtol=1e-4)
    assert low.std() < high.std()  # noise is high frequencies
    transform(picture).square().sum().backward()
    assert transform.weights.grad.abs().amin() > 0
    with pytest.raises(ConfigError, match="grid must be at least 2"):
        FrequencyDecomposition(grid=1)
