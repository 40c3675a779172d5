"""Configs: every mistake in one report, overrides as typed, the data root settled once."""

from pathlib import Path

import pytest

from zoo.config import find_config, load_config
from zoo.config.checking import component_mistakes
from zoo.errors import ConfigError, DataError
from zoo.plugins import catalog

SHIPPED = sorted(catalog().config_dirs["zoo"].glob("*.py"))


@pytest.fixture
def write(tmp_path):
    def make(text, name="mine.py"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return make


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_config_is_without_mistakes_and_says_what_it_is(path):
    text = path.read_text()
    assert text.startswith('"""')
    assert "python tools/train.py configs/" in text.split('"""')[1]
    config = load_config(path)
    assert ("ensemble" in config) != ("model" in config)
    if "model" in config:
        assert config.model.type in catalog().names("detector")


def test_configs_are_found_by_name_alias_and_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert SHIPPED
    expected = find_config(SHIPPED[0])
    assert find_config(SHIPPED[0].stem) == expected
    assert find_config(f"zoo::{SHIPPED[0].name}") == expected
    with pytest.raises(ConfigError, match="Did you mean 'xmodal_base'"):
        find_config("xmodal_bas")
    with pytest.raises(ConfigError, match="No config folder is called 'zo'"):
        find_config("zo::xmodal_base.py")


def test_an_alias_can_be_a_base(write):
    path = write('_base_ = ["zoo::xmodal_base.py"]\nexperiment_name = "mine"\n')
    config = load_config(path)
    assert config.experiment_name == "mine"
    assert config.model == load_config("xmodal_base").model


def test_variables_of_a_file_stay_in_the_file(write):
    config = load_config(write('_base_ = ["zoo::xmodal_base.py"]\n_rate = 1e-3\nexperiment_name = f"lr{_rate}"\n'))
    assert "_rate" not in config
    assert config.experiment_name == "lr0.001"


def test_every_mistake_is_in_one_report(write):
    path = write("""
_base_ = ["zoo::xmodal_base.py"]
modle = dict()
model = dict(fusion=dict(directon="bidirectional"))
val_evaluator = dict(type="ForgeryMetrc")
train_dataloader = dict(batchsize=3, sampler=dict(type="FocalLoss"))
optim_wrapper = dict(optimizer=dict(type="AdamV"))
""")
    with pytest.raises(ConfigError) as caught:
        load_config(path, ["train_cfg.max_epoch=3", "custom_hooks=[]"])
    report = str(caught.value)
    for line in (
        "modle: unknown top-level key. Did you mean 'model'?",
        "model.fusion.directon: CrossAttentionFusion has no such argument. Did you mean 'direction'?",
        "val_evaluator: no metric named 'ForgeryMetrc'. Did you mean 'ForgeryMetric'?",
        "train_dataloader.batchsize: a data loader has no such argument. Did you mean 'batch_size'?",
        "train_dataloader.sampler: FocalLoss is a loss; a sampler is wanted here",
        "optim_wrapper.optimizer: no optimizer named 'AdamV'. Did you mean 'Adam'",
        "train_cfg.max_epoch: EpochTrainLoop has no such argument. Did you mean 'max_epochs'?",
    ):
        assert line in report
    assert report.startswith("7 mistakes")


def test_an_override_of_a_path_that_does_not_exist_is_a_mistake():
    with pytest.raises(ConfigError) as caught:
        load_config("xmodal_base", ["model.fuson.direction=bidirectional", "mdoel.x.y=1", "nonsense"])
    assert "'nonsense' is not KEY=VALUE" in str(caught.value)
    with pytest.raises(ConfigError) as caught:
        load_config("xmodal_base", ["model.fuson.direction=bidirectional", "mdoel.x.y=1"])
    assert "the config has no 'model.fuson' to override. Did you mean 'fusion'?" in str(caught.value)
    assert "the config has no 'mdoel' to override. Did you mean 'model'?" in str(caught.value)


def test_overrides_keep_their_types():
    config = load_config(
        "xmodal_base", ["train_cfg.max_epochs=3", "randomness.seed=7", "optim_wrapper.optimizer.lr=1e-3"]
    )
    assert (config.train_cfg.max_epochs, config.randomness.seed) == (3, 7)
    assert config.optim_wrapper.optimizer.lr == pytest.approx(1e-3)


def test_groups_that_go_together_are_asked_for_together(write):
    path = write('_base_ = ["zoo::xmodal_base.py"]\nval_cfg = None\n')
    with pytest.raises(ConfigError, match="val_cfg: missing; val_dataloader and val_cfg and val_evaluator"):
        load_config(path)


def test_a_missing_argument_and_a_missing_type_are_named(write):
    path = write('_base_ = ["zoo::xmodal_base.py"]\nmodel = dict(_delete_=True, type="CrossModalTransformer")\n')
    with pytest.raises(ConfigError, match="CrossModalTransformer needs this argument"):
        load_config(path)
    path = write('_base_ = ["zoo::xmodal_base.py"]\nval_evaluator = dict(_delete_=True)\n', "b.py")
    with pytest.raises(ConfigError, match="val_evaluator: needs a 'type'"):
        load_config(path)


def test_a_syntax_error_names_the_file(write):
    path = write("model = dict(")
    with pytest.raises(ConfigError, match="Cannot read the config: SyntaxError") as caught:
        load_config(path)
    assert caught.value.where == str(path)


def test_the_data_root_comes_from_flag_config_or_environment(write, tmp_path, monkeypatch):
    monkeypatch.delenv("ZOO_DATA_ROOT", raising=False)
    plain = write('_base_ = ["zoo::xmodal_base.py"]\n')
    named = write('_base_ = ["zoo::xmodal_base.py"]\ndata_root = "from_config"\n', "named.py")

    def root(path, **given):
        config = load_config(path, **given)
        roots = {config[f"{stage}_dataloader"].dataset.data_root for stage in ("train", "val", "test")}
        assert len(roots) == 1
        return roots.pop()

    with pytest.raises(DataError, match="No data root") as caught:
        load_config(plain, needs_data=True)
    assert all(way in caught.value.next_step for way in ("--data-root", "data_root", "ZOO_DATA_ROOT", "make_replica"))
    assert root(plain) is None
    monkeypatch.setenv("ZOO_DATA_ROOT", str(tmp_path))
    assert root(plain) == str(tmp_path)
    assert root(named) == "from_config"
    assert root(named, data_root="from_flag") == "from_flag"
    with pytest.raises(DataError, match="does not exist"):
        load_config(plain, data_root=tmp_path / "absent", needs_data=True)


def test_validation_may_have_roots_of_its_own_and_training_several(write, tmp_path, monkeypatch):
    monkeypatch.delenv("ZOO_DATA_ROOT", raising=False)
    path = write('_base_ = ["zoo::dualbranch_tiny_ffpp.py"]\ndata_root = ["a", "b"]\nval_data_root = "c"\n')

    def roots(**given):
        config = load_config(path, **given)
        return [config[f"{stage}_dataloader"].dataset.data_root for stage in ("train", "val", "test")]

    assert roots() == [["a", "b"], "c", ["a", "b"]]
    assert roots(data_root=["d"], val_data_root=["e", "f"]) == ["d", ["e", "f"], "d"]
    (tmp_path / "there").mkdir()
    with pytest.raises(DataError, match="absent does not exist") as caught:
        load_config(path, data_root=tmp_path / "there", val_data_root=tmp_path / "absent", needs_data=True)
    assert caught.value.where == "val_dataloader.dataset" and "--val-data-root" in caught.value.next_step


def test_roots_are_given_together_or_one_by_one():
    from zoo.cli.train import _parser

    told = _parser().parse_args(
        ["x", "--data-root", "a", "b", "--seed", "1", "--data-root", "c", "--val-data-root", "d"]
    )
    assert (told.config, told.data_root, told.val_data_root) == ("x", ["a", "b", "c"], ["d"])


def test_loading_leaves_mmengine_as_it_was():
    from mmengine.config import Config

    before = Config._get_cfg_path
    load_config("xmodal_base")
    assert Config._get_cfg_path is before
    assert Path(find_config("xmodal_base")).is_file()


def test_an_argument_of_a_class_without_a_constructor_is_a_mistake():
    told = component_mistakes({"type": "SoftMacroF1Loss", "beta": 2}, "loss")
    assert told == ["loss.beta: SoftMacroF1Loss has no such argument."]
    assert component_mistakes({"type": "FocalLoss", "gamma": 1.0}, "loss") == []
