"""The Python API: listing is light, building is checked, a published file is enough."""

import subprocess
import sys

import pytest
import torch

import zoo
from zoo.errors import CheckpointError, ConfigError

MODEL = """
model = dict(
    type="CrossModalTransformer",
    visual_projection=dict(type="FeatureProjection", in_channels=12, out_channels=16),
    audio_projection=dict(type="FeatureProjection", in_channels=12, out_channels=16),
    fusion=dict(type="CrossAttentionFusion", channels=16, num_heads=4),
    temporal=dict(type="TemporalTransformer", channels=16, num_layers=1, num_heads=4, dropout=0.1),
    head=dict(type="ClassificationHead", in_channels=16),
    loss=dict(type="BinaryCrossEntropyLoss", label_smoothing=0.1),
)
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """Path of a small config."""
    path = tmp_path_factory.mktemp("configs") / "small.py"
    path.write_text(MODEL)
    return path


@pytest.fixture(scope="module")
def small(config):
    torch.manual_seed(0)
    return zoo.create_model(config)


@pytest.fixture(scope="module")
def published(small, config, tmp_path_factory):
    return publish_model(small, config, tmp_path_factory.mktemp("published") / "small.pth")


def publish_model(model, config, path, **overrides):
    from zoo.config import load_config
    from zoo.engine.checkpoint import LABELS, PUBLISHED, VERSION, publish

    architecture = load_config(config, {f"model.{key}": value for key, value in overrides.items()}).model.to_dict()
    state = {
        "format": PUBLISHED,
        "version": VERSION,
        "state_dict": model.state_dict(),
        "architecture": architecture,
        "labels": dict(LABELS),
        "provenance": {},
        "metrics": {},
        "epoch": 1,
        "iteration": 10,
        "zoo_version": "0",
    }
    return publish(state, path)


def inputs(b=2, t=12):
    generator = torch.Generator().manual_seed(1)
    mask = torch.ones(b, t, dtype=torch.bool)
    return {
        "visual": torch.randn(b, t, 12, generator=generator),
        "audio": torch.randn(b, t, 12, generator=generator),
        "visual_mask": mask,
        "audio_mask": mask,
    }


def test_importing_and_listing_is_light():
    code = (
        "import sys, zoo; names = zoo.list_models(); assert 'xmodal_base' in names, names; "
        "heavy = {'torch', 'numpy', 'mmengine', 'cv2', 'pyarrow'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_list_models_filters_and_leaves_out_configs_without_a_model():
    every, some = zoo.list_models(), zoo.list_models("*xmodal*")
    assert {"xmodal_base", "xmodal_large", "xmodal_demo"} <= set(some) < set(every)
    assert every == sorted(every)
    assert zoo.list_models("no such*") == []
    assert not any(name in every for name in ("default", "warmup_cosine"))


def test_names_are_there_and_others_are_not():
    assert set(zoo.__all__) <= set(dir(zoo))
    with pytest.raises(AttributeError, match="no attribute 'load_modle'"):
        zoo.load_modle  # noqa: B018


def test_create_model_by_path_config_and_mapping_are_one(small, config):
    from zoo.config import load_config

    loaded = load_config(config)
    shapes = {name: value.shape for name, value in small.state_dict().items()}
    assert shapes
    for source in (str(config), loaded, loaded.model, loaded.model.to_dict()):
        other = zoo.create_model(source)
        assert {name: value.shape for name, value in other.state_dict().items()} == shapes
    assert small.training
    assert small(inputs()).shape == (2,)


def test_create_model_by_name():
    model = zoo.create_model("xmodal_base", **{"visual_projection.in_channels": 77})
    assert any(77 in value.shape for value in model.parameters())


def test_create_model_leaves_the_given_mapping_alone(config):
    from zoo.config import load_config

    loaded = load_config(config)
    before = loaded.model.to_dict()
    assert zoo.create_model(loaded, **{"temporal.num_layers": 2}).temporal is not None
    assert loaded.model.to_dict() == before


@pytest.mark.parametrize(
    ("source", "overrides", "words"),
    [
        ("xmodal_dmo", {}, "Did you mean 'xmodal_demo'"),
        ("xmodal_demo", {"fusion.directoin": "bidirectional"}, "Did you mean 'direction'"),
        ({"type": "CrossModalTransformr"}, {}, "Did you mean 'CrossModalTransformer'"),
        ({"experiment_name": "x"}, {}, "defines no model"),
    ],
)
def test_create_model_names_mistakes(source, overrides, words):
    with pytest.raises(ConfigError, match=words):
        zoo.create_model(source, **overrides)


def test_load_model_needs_no_config_and_gives_the_same_logits(small, published, tmp_path):
    from zoo.engine.checkpoint import publish

    small.eval()
    wanted = small(inputs())
    small.train()
    loaded = zoo.load_model(published)
    assert not loaded.training
    torch.testing.assert_close(loaded(inputs()), wanted, rtol=0, atol=0)
    tensors = zoo.load_model(publish(published, tmp_path / "small.safetensors"))
    torch.testing.assert_close(tensors(inputs()), wanted, rtol=0, atol=0)


def test_create_model_takes_weights(small, config, published):
    model = zoo.create_model(config, checkpoint=published)
    assert model.training
    for name, value in small.state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name


def test_a_checkpoint_with_other_heads_is_refused_though_all_weights_fit(small, config, tmp_path):
    other = publish_model(small, config, tmp_path / "heads.pth", **{"temporal.num_heads": 8})
    with pytest.raises(CheckpointError, match=r"model\.temporal\.num_heads is 8 in the checkpoint and 4 in the config"):
        zoo.create_model(config, checkpoint=other)


def test_what_logits_do_not_depend_on_may_differ(config, published):
    changed = {"temporal.dropout": 0.5, "loss.label_smoothing": 0.0}
    assert zoo.create_model(config, checkpoint=published, **changed).training


def test_a_checkpoint_without_an_architecture_is_refused(config, published, tmp_path):
    from zoo.engine.checkpoint import read_published, save_checkpoint

    bare = save_checkpoint(tmp_path / "bare.pth", read_published(published) | {"architecture": {}})
    for load in (zoo.load_model, lambda path: zoo.create_model(config, checkpoint=path)):
        with pytest.raises(CheckpointError, match="no architecture"):
            load(bare)


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="No such checkpoint"):
        zoo.load_model(tmp_path / "none.pth")
