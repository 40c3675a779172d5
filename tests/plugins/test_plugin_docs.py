"""docs/plugins.md: it covers every hook and every kind, and its examples are real."""

import re
import sys
import types
from pathlib import Path

import numpy as np
import pytest

import zoo.testing
from zoo.plugins import KINDS, catalog
from zoo.plugins.apart import LOAD_VARIABLE, SECTION_VARIABLE
from zoo.plugins.manager import DISABLE_VARIABLE, STRICT_VARIABLE
from zoo.plugins.offers import HOOKS

PAGE = Path(__file__).parents[2] / "docs" / "plugins.md"
TEXT = PAGE.read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### `(\w+)`\n(.*?)(?=^##|\Z)", TEXT, re.M | re.S))
BLOCK = re.compile(r"^```python\n(.*?)^```", re.M | re.S)
PICTURES = {"type": "TimmBackbone", "name": "test_efficientnet"}
ARGUMENTS = {
    "AcmeDetector": {
        "backbone": PICTURES,
        "head": {"type": "ClassificationHead", "in_channels": 256},
        "loss": {"type": "BinaryCrossEntropyLoss"},
    },
    "AcmeSum": {"in_channels": 16},
    "AcmeHead": {"in_channels": 16},
}


@pytest.fixture(scope="module")
def examples():
    """Everything that the page's examples define, run from top to bottom as one module."""
    module = types.ModuleType("acme_examples")
    module.__file__ = str(PAGE)
    sys.modules[module.__name__] = module
    exec(compile("\n".join(BLOCK.findall(TEXT)), str(PAGE), "exec"), vars(module))
    yield module
    del sys.modules[module.__name__]


def example_of(kind, examples):
    """What the first class or function of the kind's section is called, and the thing itself."""
    [block] = BLOCK.findall(SECTIONS[kind])
    name = re.search(r"^(?:class|def) (\w+)", block, re.M)[1]
    return name, getattr(examples, name)


@pytest.mark.parametrize("name", [*HOOKS, *KINDS])
def test_every_hook_and_kind_is_explained(name):
    assert name in SECTIONS, f"docs/plugins.md has no section ### `{name}`"
    assert len(BLOCK.sub("", SECTIONS[name]).split()) > 25


def test_the_page_explains_nothing_that_is_not_there():
    assert set(SECTIONS) == {*HOOKS, *KINDS}
    for name in re.findall(r"`(?:zoo\.testing\.)?(check_\w+)", TEXT):
        assert name in zoo.testing.__all__
    for variable in (LOAD_VARIABLE, SECTION_VARIABLE, DISABLE_VARIABLE, STRICT_VARIABLE, "ZOO_TRACEBACK"):
        assert f"`{variable}=" in TEXT


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "collate"])
def test_the_example_of_a_kind_keeps_the_kind_s_contract(kind, examples):
    name, component = example_of(kind, examples)
    named = re.search(r"Checked\s+by\s+`(check_\w+)", SECTIONS[kind])[1]
    check = getattr(zoo.testing, named)
    arguments = ARGUMENTS.get(name, {})
    if named in ("check_backbone", "check_detector", "check_fusion", "check_head", "check_loss"):
        check(component, arguments, ranks=False)
    elif named in ("check_component", "check_corpus", "check_dataset", "check_face_detector"):
        assert callable(component)
        assert component.__doc__
    else:
        check(component, arguments)


def test_examples_that_need_data_of_their_own_work(examples, tmp_path):
    for folder in ("genuine", "swapped"):
        (tmp_path / folder).mkdir()
        for number in range(6):
            (tmp_path / folder / f"{number}.mp4").write_bytes(b"")
    zoo.testing.check_corpus(examples.AcmeCorpus, root=tmp_path)
    [found] = examples.AcmeCentre(share=0.5).detect(np.zeros((1, 40, 80, 3), np.uint8))
    assert found.boxes.tolist() == [[20, 10, 60, 30]]
    assert examples.AcmeCentre(share=0.5).fingerprint() != examples.AcmeCentre().fingerprint()
    scores = np.array([[0.2, np.nan], [0.9, 0.7], [np.nan, np.nan]])
    assert examples.AcmeMedian()(scores) == pytest.approx([0.2, 0.8, np.nan], nan_ok=True)
    calibrator = examples.AcmePower()
    values, labels = np.linspace(0.05, 0.95, 40), np.repeat([0, 1], [30, 10])
    calibrator.fit(values, labels)
    again = examples.AcmePower()
    again.load_state(calibrator.state())
    assert (np.diff(again(values)) > 0).all()
    assert again(values).mean() == pytest.approx(0.25, abs=0.02)
    rows = examples.AcmeWaveform().embed(np.ones(16000, np.float32), 16000, np.array([0.0, 0.5, 2.0]))
    assert rows.any(axis=1).tolist() == [True, True, False]
    assert list(examples.AcmeBackwards(range(4), rank=1, world_size=2)) == [2, 0]


def test_examples_of_commands_and_sections_keep_their_contracts(examples, capsys):
    zoo.testing.check_report_section(examples.zoo_report_sections)
    assert examples.main(["one", "two"]) == 0
    assert capsys.readouterr().out == "2\n"
    assert [command.name for command in examples.zoo_commands()] == ["acme-count"]


def test_commands_that_the_page_names_are_there():
    names = set(re.findall(r"(?:^|`)zoo ([a-z-]+)", TEXT, re.M)) - {"new-plugin"}
    assert {"list", "info", "doctor"} <= names <= catalog().commands.keys()
