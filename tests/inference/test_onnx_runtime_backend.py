"""The cache of graphs, and models that ONNX Runtime cannot stand in for."""

import builtins
import os

import pytest
import torch

pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")

from zoo.errors import ConfigError, MissingDependency
from zoo.inference.backends import onnx_export, onnxruntime
from zoo.inference.backends.onnxruntime import OnnxRuntimeBackend

SIZE = 16
IMAGES = onnx_export.examples(SIZE, SIZE)


class Plain(torch.nn.Module):
    """A detector as backends see one."""

    def __init__(self, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.conv = torch.nn.Conv2d(3, 4, 3, padding=1, groups=1)
        self.head = torch.nn.Linear(4, 1)

    def forward(self, inputs):
        x = inputs["image"].float() / 255
        return self.head(self.conv(x).relu().mean(dim=(2, 3))).squeeze(-1)


class Counting(Plain):
    """Every picture's logit depends on how many there are, and the graph remembers the number of its examples."""

    def forward(self, inputs):
        return super().forward(inputs) + float(len(inputs["image"]) if not torch.compiler.is_compiling() else 7)


class Deciding(Plain):
    """A decision by the values, which no graph can hold."""

    def forward(self, inputs):
        logits = super().forward(inputs)
        return logits if logits.sum() > 0 else -logits


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    return tmp_path / "onnx"


@pytest.fixture
def exports(monkeypatch):
    """The paths that graphs are exported to, as it happens."""
    done = []

    def noting(model, height, width, path):
        done.append(path)
        onnx_export.export(model, height, width, path)

    monkeypatch.setattr(onnxruntime, "export", noting)
    return done


def backend(model=None, **options):
    return OnnxRuntimeBackend(model=(model or Plain()).eval(), device="cpu", **options)


def test_equal_weights_start_from_the_cache_and_others_do_not(folder, exports):
    first = backend()(IMAGES)
    assert torch.equal(backend()(IMAGES), first) and len(exports) == 1
    assert [path.name for path in folder.iterdir()] == [exports[0].name]
    lasting = Plain().to(memory_format=torch.channels_last)
    torch.testing.assert_close(backend(lasting)(IMAGES), first)
    assert len(exports) == 1
    backend(Plain(seed=1))(IMAGES)
    backend()(onnx_export.examples(SIZE, 2 * SIZE))
    assert len({path.name for path in exports}) == len(exports) == 3


@pytest.mark.parametrize("content", [b"", b"no graph"])
def test_a_damaged_graph_is_made_again(exports, content):
    first = backend()(IMAGES)
    exports[0].write_bytes(content)
    assert torch.equal(backend()(IMAGES), first) and len(exports) == 2


def test_a_graph_of_other_logits_is_made_again(exports):
    backend()(IMAGES)
    backend(Plain(seed=1))(IMAGES)
    exports[0].write_bytes(exports[1].read_bytes())
    torch.testing.assert_close(backend()(IMAGES), Plain()({"image": IMAGES}), atol=1e-3, rtol=0)
    assert exports == [exports[0], exports[1], exports[0]]


def test_the_graphs_used_last_are_kept(monkeypatch, folder, exports):
    monkeypatch.setattr(onnx_export, "KEPT", 2)
    for seed in range(3):
        backend(Plain(seed=seed))(IMAGES)
        os.utime(exports[-1], (seed, seed))
        backend()(IMAGES)  # the first is used again each time
    assert {path.name for path in folder.iterdir()} == {exports[0].name, exports[-1].name}


@pytest.mark.parametrize(
    ("model", "message"), [(Counting(), "other logits on ONNX Runtime: by 4"), (Deciding(), "cannot be written")]
)
def test_a_model_without_an_equal_graph_is_refused_and_leaves_none(folder, model, message):
    with pytest.raises(ConfigError, match=message) as caught:
        backend(model).prepare(SIZE, SIZE)
    assert caught.value.where == type(model).__name__ and "TorchBackend" in caught.value.next_step
    assert not folder.exists() or not list(folder.iterdir())


@pytest.mark.parametrize("package", ["onnx", "onnxscript", "onnxruntime"])
def test_an_absent_package_is_named_with_its_extra(monkeypatch, package):
    real = builtins.__import__

    def without(name, *arguments, **options):
        if name.partition(".")[0] == package:
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingDependency, match=f"{package} is not installed") as caught:
        backend()(IMAGES)
    assert "deepfake-zoo[onnx]" in caught.value.next_step


def test_threads_are_those_of_torch_or_as_told():
    for told, wanted in ((None, torch.get_num_threads()), (1, 1)):
        made = backend(threads=told)
        made.prepare(SIZE, SIZE)
        (session,) = made._sessions.values()
        assert session.get_session_options().intra_op_num_threads == wanted
