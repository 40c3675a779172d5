"""What every backend promises: the logits of the detector itself, for any number of pictures."""

import pytest
import torch
from part_cases import make, names, pictures

from zoo.errors import ConfigError, DataError
from zoo.registry import build

torch.set_num_threads(1)
NEEDS = {"OnnxRuntimeBackend": ("onnx", "onnxscript", "onnxruntime")}


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def trained():
    """A detector with statistics of its own, in evaluation mode."""
    model = make("detector", "DualBranchDetector")
    with torch.no_grad():
        for _ in range(3):
            model({"image": pictures()})
    return model.eval()


@pytest.fixture(scope="module", params=names("backend"))
def backend(request, cache):
    for package in NEEDS.get(request.param, ()):
        pytest.importorskip(package)
    return build("backend", {"type": request.param, "device": "cpu"}, model=trained())


@pytest.fixture(scope="module")
def expected():
    with torch.inference_mode():
        return trained()({"image": pictures()}).float()


def test_logits_are_those_of_the_detector(backend, expected):
    images = pictures()
    before = images.clone()
    logits = backend(images)
    assert (logits.shape, logits.dtype, logits.device.type) == ((4,), torch.float32, "cpu")
    torch.testing.assert_close(logits, expected, atol=1e-3, rtol=0)
    assert torch.equal(images, before)
    assert expected.std() > 0.01


@pytest.mark.parametrize("rows", [[], [2], [3, 1], [0, 1, 2, 3, 0, 1, 2]])
def test_any_number_of_pictures_each_judged_alone(backend, expected, rows):
    torch.testing.assert_close(backend(pictures()[rows]), expected[rows], atol=1e-3, rtol=0)


def test_the_layout_in_memory_does_not_matter(backend, expected):
    contiguous = pictures().contiguous()
    wide = torch.cat((contiguous, contiguous), dim=3)
    for images in (contiguous, wide[..., : contiguous.shape[3]]):
        torch.testing.assert_close(backend(images), expected, atol=1e-3, rtol=0)


def test_it_may_be_prepared_and_gives_no_gradients(backend):
    backend.prepare(64, 64)
    logits = backend(pictures())
    assert not logits.requires_grad and torch.equal(logits, backend(pictures()))


@pytest.mark.parametrize(
    "images", [torch.zeros(2, 3, 64, 64), torch.zeros(3, 64, 64, dtype=torch.uint8), pictures()[:, :1]]
)
def test_what_is_no_batch_of_pictures_is_refused(backend, images):
    with pytest.raises(DataError, match=r"uint8 \[b, 3, h, w\]"):
        backend(images)


@pytest.mark.parametrize("name", names("backend"))
def test_training_mode_and_devices_that_are_not_there_are_refused(name):
    with pytest.raises(ConfigError, match="training mode"):
        build("backend", {"type": name}, model=trained().train())
    for device in ("cuda:99", "abacus"):
        with pytest.raises(ConfigError, match=f"no device '{device}'"):
            build("backend", {"type": name, "device": device}, model=trained())
