import os
import sys

import numpy as np
import pytest

from zoo.errors import CheckpointError, ConfigError, MissingDependency
from zoo.faces.mediapipe import MediaPipeDetector, _quiet


def test_an_unknown_range_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean 'short'"):
        MediaPipeDetector(range="shrt")


def test_without_mediapipe_the_error_names_the_commands(monkeypatch):
    monkeypatch.setitem(sys.modules, "mediapipe.tasks.python", None)
    with pytest.raises(MissingDependency) as caught:
        MediaPipeDetector().detect(np.zeros((1, 64, 64, 3), np.uint8))
    assert 'pip install "deepfake-zoo[mediapipe]" && pip install --no-deps mediapipe' in str(caught.value)


def test_quiet_keeps_standard_error_clean_unless_something_fails(capfd):
    with _quiet():
        os.write(2, b"chatter")
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"
    with pytest.raises(RuntimeError), _quiet():
        os.write(2, b"the reason")
        raise RuntimeError
    assert capfd.readouterr().err == "the reason"


@pytest.fixture(scope="module")
def schemas():
    pytest.importorskip("flatbuffers")
    metadata = pytest.importorskip("mediapipe.tasks.metadata.metadata_schema_py_generated")
    model = pytest.importorskip("mediapipe.tasks.metadata.schema_py_generated")
    return model, metadata


def tiny_model(schema, notes=()):
    """A model without operators that holds one weight buffer."""
    import flatbuffers

    tree, weights = schema.ModelT(), schema.BufferT()
    weights.data = np.arange(32, dtype=np.uint8)
    tree.version, tree.description, tree.buffers = 3, "tiny", [schema.BufferT(), weights]
    tree.subgraphs, tree.operatorCodes, tree.metadata = [schema.SubGraphT()], [], list(notes)
    builder = flatbuffers.Builder(256)
    builder.Finish(tree.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def test_the_note_says_how_the_input_is_normalised_and_the_weights_stay(schemas):
    from zoo.faces.tflite_metadata import with_normalization

    model_schema, metadata_schema = schemas
    noted = with_normalization(tiny_model(model_schema), mean=127.5, std=64.0)
    model = model_schema.ModelT.InitFromObj(model_schema.Model.GetRootAs(noted, 0))
    assert [note.name for note in model.metadata] == [b"TFLITE_METADATA"]
    np.testing.assert_array_equal(model.buffers[1].data, np.arange(32))
    raw = bytes(model.buffers[model.metadata[0].buffer].data)
    assert raw[4:8] == b"M001"
    note = metadata_schema.ModelMetadataT.InitFromObj(metadata_schema.ModelMetadata.GetRootAs(raw, 0))
    (step,) = note.subgraphMetadata[0].inputTensorMetadata[0].processUnits
    assert (list(step.options.mean), list(step.options.std)) == ([127.5], [64.0])


def test_a_model_that_has_metadata_is_left_alone_and_no_model_is_refused(schemas):
    from zoo.faces.tflite_metadata import with_normalization

    noted = with_normalization(tiny_model(schemas[0]), mean=127.5, std=127.5)
    assert with_normalization(noted, mean=0.0, std=1.0) == noted
    for broken in (b"", b"TFL3", noted[:4] + b"ABCD" + noted[8:]):
        with pytest.raises(CheckpointError, match="no TensorFlow Lite model"):
            with_normalization(broken, mean=0.0, std=1.0)
