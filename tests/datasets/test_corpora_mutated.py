"""Lists and archives with seeded faults: a reader ends with records or with an error for the user, nothing else."""

import json
import random
from contextlib import suppress
from pathlib import Path

import pytest
from corpus_trees import TREES, dfdc, kaggle

from zoo.errors import ZooError
from zoo.registry import build

CASES = {
    **{
        name: (name, TREES[name])
        for name in TREES
        if name not in ("DF40", "DeepFakeDetection", "ImageFolder", "VideoFolder")
    },
    "Kaggle": ("DFDC", kaggle),
    "DFDC with test": ("DFDC", lambda root: dfdc(root, test=True)),
}
STRANGE = [
    None,
    0,
    -1,
    1.5,
    "",
    [],
    {},
    [[1]],
    "../x",
    "\\\\x",
    True,
    "a" * 300,
    "x\0y",
    float("nan"),
    10**400,
    "\ud800",
]
KEYS = ["", "/x", "..", "a\0.mp4", "ü.mp4", "x" * 300]


def strange(value, chance):
    """``value`` with some parts replaced or left out."""
    if chance.random() < 0.15:
        return chance.choice(STRANGE)
    if isinstance(value, dict):
        kept = {key: part for key, part in value.items() if chance.random() > 0.05}
        return {chance.choice(KEYS) if chance.random() < 0.05 else k: strange(v, chance) for k, v in kept.items()}
    return [strange(part, chance) for part in value] if isinstance(value, list) else value


def damage(path, chance):
    if path.suffix == ".json" and chance.random() < 0.8:
        path.write_text(json.dumps(strange(json.loads(path.read_text()), chance)))
        return
    content = bytearray(path.read_bytes())
    for _ in range(chance.randint(1, 6)):
        content[chance.randrange(len(content))] = chance.choice([0, 255, 10, 44, 47, 92, chance.randrange(256)])
    path.write_bytes(content[: chance.randrange(len(content)) if chance.random() < 0.3 else None])


@pytest.mark.parametrize("case", CASES)
def test_damaged_lists_end_in_records_or_in_an_error_for_the_user(tmp_path, case):
    name, tree = CASES[case]
    reader = build("corpus", {"type": name, "max_skipped": 1.0})
    root = tree(tmp_path / "corpus")
    lists = [path for path in sorted(root.rglob("*")) if path.suffix in (".json", ".csv", ".txt", ".gz")]
    assert lists
    ended = {"records": 0, "error": 0}
    for seed in range(40):
        chance = random.Random(seed)
        path = chance.choice(lists)
        whole = path.read_bytes()
        damage(path, chance)
        records = []
        with suppress(ZooError):
            records = reader.scan(root).records
        for record in records:
            record.video_id.encode()
            assert Path(record.path).resolve().is_relative_to(root.resolve())
        ended["records" if records else "error"] += 1
        path.write_bytes(whole)
    assert ended["records"] and (ended["error"] or name == "WildDeepfake"), ended  # one bad archive spoils no other
