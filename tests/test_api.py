"""The Python API: listing is light, building is checked, a published file is enough."""

import subprocess
import sys

import pytest
import torch

import zoo
from zoo.errors import CheckpointError, ConfigError

SMALL = {
    "visual_projection.out_channels": 16,
    "audio_projection.out_channels": 16,
    "fusion.channels": 16,
    "temporal.channels": 16,
    "temporal.num_layers": 1,
    "head.in_channels": 16,
    "embedding.in_channels": 16,
}


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    return zoo.create_model("xmodal_demo", **SMALL)


@pytest.fixture(scope="module")
def published(small, tmp_path_factory):
    return publish_model(small, tmp_path_factory.mktemp("published") / "small.pth")


def publish_model(model, path, **overrides):
    from zoo.api import _model_config
    from zoo.engine.checkpoint import LABELS, PUBLISHED, VERSION, publish

    state = {
        "format": PUBLISHED,
        "version": VERSION,
        "state_dict": model.state_dict(),
        "architecture": _model_config("xmodal_demo", SMALL | overrides).to_dict(),
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
        "visual": torch.randn(b, t, 512, generator=generator),
        "audio": torch.randn(b, t, 512, generator=generator),
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


def test_create_model_by_name_path_and_mapping_are_one(small):
    from zoo.config import find_config, load_config

    by_path = zoo.create_model(find_config("xmodal_demo"), **SMALL)
    by_config = zoo.create_model(load_config("xmodal_demo"), **SMALL)
    by_model = zoo.create_model(load_config("xmodal_demo").model, **SMALL)
    shapes = {name: value.shape for name, value in small.state_dict().items()}
    assert shapes
    for other in (by_path, by_config, by_model):
        assert {name: value.shape for name, value in other.state_dict().items()} == shapes
    assert small.training
    assert small(inputs()).shape == (2,)


def test_create_model_leaves_the_given_mapping_alone():
    from zoo.config import load_config

    config = load_config("xmodal_demo")
    before = config.model.to_dict()
    zoo.create_model(config, **SMALL)
    assert config.model.to_dict() == before


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


def test_create_model_takes_weights(small, published):
    model = zoo.create_model("xmodal_demo", checkpoint=published, **SMALL)
    assert model.training
    for name, value in small.state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name


def test_a_checkpoint_with_other_heads_is_refused_though_all_weights_fit(small, published, tmp_path):
    other = publish_model(small, tmp_path / "heads.pth", **{"temporal.num_heads": 8})
    with pytest.raises(CheckpointError, match=r"model\.temporal\.num_heads is 8 in the checkpoint and 4 in the config"):
        zoo.create_model("xmodal_demo", checkpoint=other, **SMALL)


def test_what_logits_do_not_depend_on_may_differ(small, published):
    zoo.create_model(
        "xmodal_demo", checkpoint=published, **SMALL, **{"head.dropout": 0.5, "loss.weights.info_nce": 9.0}
    )


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="No such checkpoint"):
        zoo.load_model(tmp_path / "none.pth")
