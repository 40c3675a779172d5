"""Every built-in face detector keeps its promises; where weights are not in the cache, skipped or fetched (network)."""

import numpy as np
import pytest
from part_cases import names

import zoo.assets
from zoo.errors import MissingDependency
from zoo.testing import component, face_detector
from zoo.testing.case import Case

CONFIGS = {  # arguments, and others that find other faces
    "FallbackDetector": (
        {"detectors": [{"type": "MTCNNDetector", "min_face_size": 90}, {"type": "MTCNNDetector"}]},
        {"detectors": [{"type": "MTCNNDetector"}, {"type": "MTCNNDetector", "min_face_size": 90}]},
    ),
    "MTCNNDetector": ({}, {"min_face_size": 30}),
    "MediaPipeDetector": ({}, {"range": "short"}),
    "RetinaFaceDetector": ({}, {"longest_side": 320}),
}
SOURCES = ["cache", pytest.param("network", marks=pytest.mark.network)]


def make_case(name, number=0):
    return Case(kind="face_detector", component=name, config=CONFIGS[name][number])


@pytest.fixture(scope="module", params=SOURCES)
def weights(request, tmp_path_factory):
    """Where weights come from: the user's cache without fetching, or an empty cache that is filled."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "network":
            patch.setenv("ZOO_CACHE", str(tmp_path_factory.mktemp("cache")))
        else:

            def refuse(asset, timeout_s):
                raise MissingDependency(f"{asset.name} is not in the cache.")

            patch.setattr(zoo.assets, "_fetch", refuse)
        yield


@pytest.fixture(scope="module", params=names("face_detector"))
def case(request, weights):
    pytest.importorskip("skimage.data")
    case = make_case(request.param)
    try:
        detector = case.make()
        detector.fingerprint()
        detector.detect(np.zeros((1, 64, 64, 3), np.uint8))
    except MissingDependency as error:
        pytest.skip(error.what)
    return case


@pytest.mark.parametrize("check", face_detector.CHECKS)
def test_promise_is_kept(case, check):
    check(case)


def test_the_fingerprint_follows_what_matters(case):
    face_detector.fingerprint_follows_what_matters(case, make_case(case.name, 1))


@pytest.mark.parametrize("check", [*component.STATIC_CHECKS, *component.CHECKS])
@pytest.mark.parametrize("name", names("face_detector"))
def test_promise_of_any_component_is_kept(name, check, monkeypatch, tmp_path):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "none"))
    check(make_case(name))
    assert not (tmp_path / "none").exists()
