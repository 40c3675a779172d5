"""What a checkpoint says of its crops, and how it is repeated."""

import pytest
from infer_helpers import make_cropper, trained_on

import zoo.inference.crop_settings as crop_settings
from zoo.errors import DataError, MissingDependency
from zoo.faces.fallback import FallbackDetector
from zoo.faces.mtcnn import MTCNNDetector
from zoo.faces.pipeline import AS_IT_IS
from zoo.inference.crop_settings import CropSettings, read_choice, trained_detector
from zoo.media.choice import AllFrames, Clips, Evenly, EverySeconds
from zoo.registry import build


def settings(given=None, **changes):
    return CropSettings.of(trained_on(**changes), given or {})


def test_a_cropper_repeats_the_training():
    cropper = make_cropper(margin=0.35, faces="all", smooth_s=0.2, choice=Evenly(5))
    known = CropSettings.of(trained_on(**cropper.provenance()), {})
    again = known.cropper(cropper.detector, known.choice(None))
    assert again.provenance() == cropper.provenance()
    assert known.choice(7) == Evenly(7)
    assert known.encoding().format == "png" and not known.changed


def test_what_differs_among_the_crops_is_not_known():
    told = trained_on()
    told["crops"].append({**told["crops"][0], "margin": 0.5})
    mixed = CropSettings.of(told, {})
    with pytest.raises(DataError, match="margin is not known") as caught:
        mixed.require(list(crop_settings.FLAGS), where="x.pth")
    assert "Give --face-margin as" in caught.value.next_step
    assert CropSettings.of(told, {"margin": 0.1}).known["margin"] == 0.1


def test_the_masks_of_a_corpus_are_not_there_for_new_videos():
    assert settings(faces="manipulated").cropper(None, Evenly(1)).faces == "largest"


def test_crops_are_resized_to_the_samples_of_the_training():
    assert CropSettings.of({**trained_on(), "image_size": 16}, {}).require_size(where="") == 16
    assert CropSettings.of({**trained_on(), "image_size": 16}, {"image_size": 48}).require_size(where="") == 48
    with pytest.raises(DataError, match="image_size is not known"):
        CropSettings.of({}, {}).require_size(where="")


@pytest.mark.parametrize("choice", [Evenly(4), EverySeconds(0.5), Clips(2, 3), AllFrames()])
def test_choices_are_read_as_they_are_written(choice):
    assert read_choice(repr(choice)) == choice


@pytest.mark.parametrize("text", [None, "", "Evenly(", "Evenly(0)", "Evenly(count=0)", "print(1)", "Evenly(a=1)", "1"])
def test_other_choices_are_none(text):
    assert read_choice(text) is None


class TestTrainedDetector:
    def test_is_the_one_with_the_fingerprint(self):
        pytest.importorskip("facenet_pytorch")
        mtcnn = build("face_detector", {"type": "MTCNNDetector"})
        known = settings(detector="MTCNNDetector", detector_fingerprint=mtcnn.fingerprint())
        assert isinstance(trained_detector(known, where=""), MTCNNDetector)

    def test_arguments_of_its_own_must_be_given(self):
        pytest.importorskip("facenet_pytorch")
        known = settings(detector="MTCNNDetector", detector_fingerprint="another")
        with pytest.raises(DataError, match="a MTCNNDetector with arguments of its own") as caught:
            trained_detector(known, where="best.pth")
        assert caught.value.where == "best.pth" and "--detector-options" in caught.value.next_step

    def test_a_plugin_that_is_gone_must_be_given(self):
        with pytest.raises(DataError, match="SquareDetector"):
            trained_detector(settings(), where="")

    def test_none_is_none(self):
        assert trained_detector(settings(detector=AS_IT_IS, detector_fingerprint=None), where="") is None

    def test_a_chain_is_found_by_its_parts(self, monkeypatch):
        class Part:
            def __init__(self, name):
                self.name = name

            def fingerprint(self):
                return self.name

        def make(kind, config):
            if "detectors" in config:
                return FallbackDetector(detectors=[Part(part["type"]) for part in config["detectors"]])
            return Part(config["type"])

        monkeypatch.setattr(crop_settings, "build", make)
        wanted = FallbackDetector(detectors=[Part("RetinaFaceDetector"), Part("MTCNNDetector")]).fingerprint()
        found = trained_detector(settings(detector="FallbackDetector", detector_fingerprint=wanted), where="")
        assert [part.name for part in found.detectors] == ["RetinaFaceDetector", "MTCNNDetector"]

    def test_a_package_that_is_absent_is_named(self, monkeypatch):
        def absent(kind, config):
            raise MissingDependency.extra("facenet-pytorch", "faces")

        monkeypatch.setattr(crop_settings, "build", absent)
        with pytest.raises(MissingDependency, match="facenet-pytorch"):
            trained_detector(settings(detector="MTCNNDetector"), where="")
