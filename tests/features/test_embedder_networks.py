import pickle

import numpy as np
import pytest
import torch

from zoo.errors import CheckpointError, ConfigError, MissingDependency
from zoo.features.projection import random_projection
from zoo.features.speech import SpeechEmbedder
from zoo.features.timm_embedder import TimmEmbedder
from zoo.registry import build
from zoo.structures import FaceTrack

TINY_SPEECH = {
    "extractor_mode": "group_norm",
    "extractor_conv_layer_config": [
        (16, 10, 5),
        (16, 3, 2),
        (16, 3, 2),
        (16, 3, 2),
        (16, 3, 2),
        (16, 2, 2),
        (16, 2, 2),
    ],
    "extractor_conv_bias": False,
    "encoder_embed_dim": 24,
    "encoder_projection_dropout": 0.0,
    "encoder_pos_conv_kernel": 16,
    "encoder_pos_conv_groups": 2,
    "encoder_num_layers": 2,
    "encoder_num_heads": 2,
    "encoder_attention_dropout": 0.0,
    "encoder_ff_interm_features": 32,
    "encoder_ff_interm_dropout": 0.0,
    "encoder_dropout": 0.0,
    "encoder_layer_norm_first": False,
    "encoder_layer_drop": 0.0,
    "aux_num_out": None,
}


def faces(count=5):
    frames = np.random.default_rng(0).integers(0, 255, (count, 96, 96, 3), dtype=np.uint8)
    boxes = np.tile(np.array([[20, 20, 70, 80]], np.float32), (count, 1))
    mask = np.arange(count) != 2
    return frames, FaceTrack(times=np.arange(count) / 25, boxes=boxes, scores=np.ones(count), mask=mask)


def tiny_timm(**options):
    return build(
        "embedder", {"type": "TimmEmbedder", "name": "test_resnet", "pretrained": False, "size": 64, **options}
    )


def test_projection_is_pinned_and_keeps_distances():
    matrix = random_projection(1280)
    np.testing.assert_array_equal(np.sign(matrix[0, :8]), [-1, 1, 1, 1, 1, 1, -1, 1])
    rows = np.random.default_rng(1).normal(size=(20, 1280)).astype(np.float32)
    ratio = np.linalg.norm((rows @ matrix)[1:] - (rows @ matrix)[:-1], axis=1) / np.linalg.norm(
        np.diff(rows, axis=0), axis=1
    )
    np.testing.assert_allclose(ratio, 1, atol=0.15)


def test_timm_features_have_512_columns_and_masked_rows_are_zero():
    embedder = tiny_timm()
    rows = embedder.embed(*faces())
    assert rows.shape == (5, 512)
    assert not rows[2].any()
    assert rows[[0, 1, 3, 4]].any(axis=1).all()
    assert embedder.saved_arrays()["visual_projection"].shape == (96, 512)


def test_timm_rows_do_not_depend_on_the_batch_or_the_process():
    rows = tiny_timm().embed(*faces())
    np.testing.assert_allclose(tiny_timm(batch_size=2).embed(*faces()), rows, atol=1e-5)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(tiny_timm())).embed(*faces()), rows)


def test_timm_fingerprint_follows_weights_and_seed(tmp_path):
    one = tiny_timm()
    assert one.fingerprint() == tiny_timm().fingerprint() != tiny_timm(seed=1).fingerprint()
    state = {
        key: value + 0.01 if value.is_floating_point() else value for key, value in one.network.state_dict().items()
    }
    torch.save(state, tmp_path / "weights.pth")
    other = tiny_timm(weights=str(tmp_path / "weights.pth"))
    assert other.fingerprint() != one.fingerprint()


def test_timm_names_are_checked_when_the_embedder_is_built():
    with pytest.raises(ConfigError, match="Did you mean 'resnet18'"):
        TimmEmbedder("resnet_18")


def test_timm_without_a_network_names_the_file_to_fetch(monkeypatch):
    embedder = TimmEmbedder("resnet18")  # building fetches nothing

    def offline(*_, **__):
        raise ConnectionError("Name or service not known")

    monkeypatch.setattr("timm.create_model", offline)
    with pytest.raises(MissingDependency, match=r"model\.safetensors of https://huggingface\.co/timm/resnet18"):
        embedder.fingerprint()


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save({"conv.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match="do not fit"):
        tiny_timm(weights=str(tmp_path / "other.pth")).fingerprint()


def test_facenet_reads_weights_from_a_file(tmp_path):
    facenet = pytest.importorskip("facenet_pytorch")
    state = facenet.InceptionResnetV1().state_dict()
    torch.save({**state, "logits.weight": torch.zeros(3, 512), "logits.bias": torch.zeros(3)}, tmp_path / "face.pt")
    rows = build("embedder", {"type": "FaceNetEmbedder", "weights": str(tmp_path / "face.pt")}).embed(*faces(3))
    assert rows.shape == (3, 512)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), [1, 1, 0], atol=1e-5)


def test_facenet_without_weights_names_the_file_to_place(monkeypatch, tmp_path):
    pytest.importorskip("facenet_pytorch")
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    embedder = build("embedder", {"type": "FaceNetEmbedder"})  # building fetches nothing
    with pytest.raises(MissingDependency) as caught:
        embedder.fingerprint()
    assert str(tmp_path / "20180402-114759-vggface2.pt") in str(caught.value)
    assert "https://" in str(caught.value)


def test_speech_without_torchaudio_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torchaudio", None)
    with pytest.raises(MissingDependency, match=r"deepfake-zoo\[speech\]"):
        SpeechEmbedder().fingerprint()


@pytest.fixture
def tiny_speech(tmp_path):
    models = pytest.importorskip("torchaudio.models")
    torch.manual_seed(0)
    torch.save(models.wav2vec2_model(**TINY_SPEECH).state_dict(), tmp_path / "speech.pth")
    return SpeechEmbedder(
        model="wav2vec2_model", model_arguments=TINY_SPEECH, weights=str(tmp_path / "speech.pth"), layer=0
    )


def test_speech_rows_are_joined_by_time(tiny_speech):
    sound = np.random.default_rng(0).normal(0, 0.1, 16_000 * 2).astype(np.float32)
    sound[16_000:] = 0
    times = np.arange(0, 70) / 30
    rows = tiny_speech.embed(sound, 16_000, times)
    assert rows.shape == (70, 512)
    assert not rows[times >= 2].any()
    steps = np.linalg.norm(np.diff(rows[:60], axis=0), axis=1)
    assert steps[5:26].mean() > 3 * steps[36:55].mean()  # noise before 1 s, silence after


def test_long_sound_is_embedded_in_pieces_without_seams(tiny_speech, monkeypatch):
    sound = np.random.default_rng(0).normal(0, 0.1, 16_000 * 6).astype(np.float32)
    times = np.arange(150) / 25
    whole = tiny_speech.embed(sound, 16_000, times)
    monkeypatch.setattr("zoo.features.speech._PIECE_S", 2)
    pieces = tiny_speech.embed(sound, 16_000, times)
    assert np.corrcoef(whole.ravel(), pieces.ravel())[0, 1] > 0.95


def test_speech_weights_and_models_are_checked(tiny_speech, monkeypatch, tmp_path):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    with pytest.raises(MissingDependency, match="wav2vec2_fairseq_base_ls960"):
        SpeechEmbedder().fingerprint()
    with pytest.raises(ConfigError, match="wav2vec2_base"):
        SpeechEmbedder(model="wav2vec2_bas").fingerprint()
    assert tiny_speech.fingerprint() == pickle.loads(pickle.dumps(tiny_speech)).fingerprint()
