"""Every built-in backend keeps the promises of its kind."""

import pytest
import torch
from part_cases import names

from zoo.testing import backend
from zoo.testing.case import Case

torch.set_num_threads(1)
NEEDS = {"OnnxRuntimeBackend": ("onnx", "onnxscript", "onnxruntime")}


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.mark.parametrize("check", backend.CHECKS)
@pytest.mark.parametrize("name", names("backend"))
def test_promise_is_kept(name, check):
    for package in NEEDS.get(name, ()):
        pytest.importorskip(package)
    check(Case(kind="backend", component=name))
