"""Metadata for a TensorFlow Lite model: MediaPipe runs none that does not say how its input is normalised."""

from __future__ import annotations

from typing import Any, Final

from zoo.errors import CheckpointError

_NAME: Final = "TFLITE_METADATA"
_MODEL_IDENTIFIER: Final = b"TFL3"
_METADATA_IDENTIFIER: Final = b"M001"


def with_normalization(model: bytes, *, mean: float, std: float) -> bytes:
    """``model`` with the note that its one input wants ``(pixel - mean) / std``; unchanged if it has metadata.

    Args:
        model: content of a ``.tflite`` file.
        mean: pixel value in [0, 255].
        std: pixel values.

    Raises:
        CheckpointError: the bytes are no TensorFlow Lite model.
        ImportError: mediapipe or flatbuffers, whose classes pack the note, are not installed.
    """
    import flatbuffers
    from mediapipe.tasks.metadata import schema_py_generated as schema

    if model[4:8] != _MODEL_IDENTIFIER:
        raise CheckpointError("The bytes are no TensorFlow Lite model.", next_step="Give a .tflite file.")
    tree = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model, 0))
    notes = list(tree.metadata or ())
    if any(note.name in (_NAME, _NAME.encode()) for note in notes):
        return model
    buffer, note = schema.BufferT(), schema.MetadataT()
    buffer.data = _metadata(mean, std)
    note.name, note.buffer = _NAME, len(tree.buffers)
    tree.buffers = [*tree.buffers, buffer]
    tree.metadata = [*notes, note]
    return _packed(flatbuffers.Builder(len(model) + 1024), tree, _MODEL_IDENTIFIER)


def _metadata(mean: float, std: float) -> bytes:
    import flatbuffers
    from mediapipe.tasks.metadata import metadata_schema_py_generated as schema

    options = schema.NormalizationOptionsT()
    options.mean, options.std = [mean], [std]
    step = schema.ProcessUnitT()
    step.optionsType, step.options = schema.ProcessUnitOptions.NormalizationOptions, options
    tensor = schema.TensorMetadataT()
    tensor.processUnits = [step]
    graph = schema.SubGraphMetadataT()
    graph.inputTensorMetadata = [tensor]
    model = schema.ModelMetadataT()
    model.subgraphMetadata = [graph]
    return _packed(flatbuffers.Builder(256), model, _METADATA_IDENTIFIER)


def _packed(builder: Any, tree: Any, identifier: bytes) -> bytes:
    builder.Finish(tree.Pack(builder), file_identifier=identifier)
    return bytes(builder.Output())
