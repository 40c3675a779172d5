"""Every built-in corpus reader keeps the promises of its kind, over a tiny tree in the corpus's layout."""

import sys
from pathlib import Path

import pytest

from zoo.testing import component, corpus
from zoo.testing.case import Case

sys.path.append(str(Path(__file__).parents[1] / "datasets"))
from corpus_trees import TREES, dfd, faceforensics, faceforensics_plain, kaggle

OPTIONS = {
    "CelebDF": [{}, {"identity_disjoint": True}, {"val_share": 0.3}],
    "DFDCPreview": [{}, {"val_share": 0.3}],
    "WildDeepfake": [{}, {"val_share": 0.3}],
}
CASES = [Case(kind="corpus", component=name, config=options) for name in TREES for options in OPTIONS.get(name, [{}])]
COMPUTED = [
    ("CelebDF", TREES["CelebDF"], {"identity_disjoint": True}),
    ("DF40", TREES["DF40"], {}),
    ("DFDC", TREES["DFDC"], {}),
    ("DFDC", lambda root: TREES["DFDC"](root, parts=2), {}),
    ("DFDC", kaggle, {}),
    ("DeepFakeDetection", dfd, {}),
    ("DeepFakeDetection", lambda root: dfd(root, linked=True), {}),
    ("FaceForensics", lambda root: faceforensics(root, splits=False), {}),
    ("FaceForensics", faceforensics_plain, {}),
    ("FakeAVCeleb", TREES["FakeAVCeleb"], {}),
]


@pytest.mark.parametrize("check", corpus.CHECKS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_promise_is_kept(tmp_path, case, check):
    check(case, TREES[case.name](tmp_path / "tree"))


@pytest.mark.parametrize("check", [*component.STATIC_CHECKS, *component.CHECKS])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_promise_of_any_component_is_kept(case, check):
    check(case)


@pytest.mark.parametrize(("name", "tree", "options"), COMPUTED)
@pytest.mark.parametrize("seed", [0, 1])
def test_nobody_crosses_a_computed_split(tmp_path, name, tree, options, seed):
    root = tree(tmp_path / "tree")
    case = Case(kind="corpus", component=name, config={"seed": seed, **options})
    assert len({record.split for record in case.make().read(root)}) > 1
    corpus.nobody_crosses_a_split(case, root)
