"""An ensemble's config: every mistake of it and of its members in one report."""

import pytest

from zoo.api import is_ensemble
from zoo.config import load_config
from zoo.errors import ConfigError

GOOD = """
ensemble = dict(
    members=[
        dict(name="sight", config="visual_only", checkpoint="a.pth"),
        dict(name="sound", config="audio_only", checkpoint="b.pth"),
    ],
    combiner=dict(type="MeanCombiner"),
)
"""


@pytest.fixture
def write(tmp_path):
    def make(text, name="mine.py"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return make


def test_every_mistake_is_in_one_report(write):
    path = write("""
randomness = dict(seed=3)
ensemble = dict(
    members=[
        dict(name="sight", config="visual_onli", checkpoint="a.pth"),
        dict(name="sight", config="audio_only", chekpoint="b.pth"),
        dict(name="a+b", config="xmodal_demo", checkpoint="c.pth", options={"model.fuson.x": 1}),
        dict(name="files", predictions=dict(test="t.parquet", train="x")),
        dict(config="ensemble_demo", checkpoint="d.pth"),
        dict(name="both", config="xmodal_demo", checkpoint="e.pth", predictions=dict(val="v.csv")),
    ],
    calibrator=dict(type="PlatCalibrator"),
    abstention=dict(error=2),
    weights=[1],
)
""")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    report = str(caught.value)
    for line in (
        "randomness: has no meaning beside 'ensemble'",
        "ensemble.weights: unknown.",
        "ensemble.combiner: missing",
        "ensemble.abstention.error: 2 is not a share between 0 and 1",
        "ensemble.members.0.config: No config 'visual_onli'. Did you mean 'visual_only'?",
        "ensemble.members.1.chekpoint: unknown. Did you mean 'checkpoint'?",
        "ensemble.members.1.checkpoint: missing",
        "ensemble.members: members 0, 1 are all called 'sight'",
        "ensemble.members.2.name: 'a+b' cannot name a member",
        "ensemble.members.2.config: model.fuson.x: the config has no 'model.fuson' to override. Did you mean 'fusion'?",
        "ensemble.members.3.predictions.train: unknown.",
        "ensemble.members.3.predictions.val: missing",
        "ensemble.members.4.name: missing",
        "ensemble.members.4.config: ensemble_demo defines no model",
        "ensemble.members.5: is a detector or files of predictions, not both",
        "ensemble.calibrator: no calibrator named 'PlatCalibrator'. Did you mean 'PlattCalibrator'?",
    ):
        assert line in report, line


def test_members_are_a_list_of_two_at_least(write):
    for members in ("[]", "dict()", "[dict(name='a', config='xmodal_demo', checkpoint='a.pth')]", "[3, 4]"):
        with pytest.raises(ConfigError, match=r"ensemble\.members"):
            load_config(write(f"ensemble = dict(members={members}, combiner=dict(type='MeanCombiner'))"))
    with pytest.raises(ConfigError, match="ensemble: is to be a dict"):
        load_config(write("ensemble = [1, 2]"))


def test_absent_checkpoints_are_mistakes_once_they_are_needed(write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bb.pth").write_bytes(b"")
    path = write(GOOD)
    assert [member.name for member in load_config(path).ensemble.members] == ["sight", "sound"]
    with pytest.raises(ConfigError) as caught:
        load_config(path, needs_data=True)
    assert "members.0.checkpoint: there is no a.pth." in str(caught.value)
    assert "members.1.checkpoint: there is no b.pth. Did you mean 'bb.pth'?" in str(caught.value)
    load_config(path, ["ensemble.members.0.checkpoint=bb.pth", "ensemble.members.1.checkpoint=bb.pth"], needs_data=True)


def test_an_ensemble_is_told_from_its_text_bases_included(write):
    assert is_ensemble("ensemble_demo")
    assert not is_ensemble("xmodal_demo")
    assert is_ensemble(write('_base_ = ["zoo::ensemble_demo.py"]'))
