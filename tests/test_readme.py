"""The README's commands: each is understood, each config override fits, and the walk on synthetic videos works."""

import argparse
import importlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from zoo.config import find_config, load_config

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
WALK = "### The whole way on synthetic videos"


def commands(text):
    """Commands in indented blocks, their continuation lines joined."""
    lines = text.replace("\\\n", " ").splitlines()
    found = [line.strip().removeprefix("$ ") for line in lines if line.startswith("    ")]
    return [line.partition("  #")[0] for line in found if re.match(r"(python tools/|zoo )", line)]


def module_and_words(command):
    """The module of a command, and its arguments without optional ones in brackets."""
    first, name, *words = shlex.split(re.sub(r"\[.*?\]", "", command))
    name = Path(name).stem if first == "python" else name
    return importlib.import_module(f"zoo.cli.{name.replace('-', '_')}"), words


EXAMPLES = sorted({text for text in commands(README) if "directon" not in text and not text.startswith("zoo list")})
OVERRIDES = [
    cell.split()
    for row in README.partition("| to | add after `--cfg-options` |")[2].partition("\n\n")[0].splitlines()
    for cell in re.findall(r"`((?:[a-z_0-9.]+=\S+ ?)+)`", row)
]


def test_there_is_something_to_check():
    assert len(EXAMPLES) >= 12 and len(OVERRIDES) >= 10


@pytest.mark.parametrize("command", EXAMPLES)
def test_a_command_is_understood(command, monkeypatch):
    class Understood(Exception):
        pass

    def parse(self, *arguments, **options):
        found = plain(self, *arguments, **options)
        if getattr(found, "config", None) is not None:
            find_config(ROOT / found.config if found.config.endswith(".py") else found.config)
        raise Understood

    plain = argparse.ArgumentParser.parse_args
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse)
    module, words = module_and_words(command)
    with pytest.raises(Understood):
        module.main(words)


@pytest.mark.parametrize("overrides", OVERRIDES, ids=" ".join)
def test_an_override_fits_the_baseline(overrides):
    keys = [word.partition("=")[0] for word in overrides]
    plain, changed = load_config("dualbranch_b4_hybrid"), load_config("dualbranch_b4_hybrid", overrides)
    assert all(_at(plain, key) != _at(changed, key) for key in keys if not key.endswith("mixer.by"))


def _at(config, dotted):
    for key in dotted.split("."):
        config = config[int(key)] if key.isdigit() else config.get(key)
    return config


@pytest.mark.slow
@pytest.mark.network
def test_the_walk_ends_in_a_submission(tmp_path):
    for name in ("tools", "configs"):
        (tmp_path / name).symlink_to(ROOT / name)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    walk = commands(README.partition(WALK)[2].partition("\n## ")[0])
    assert len(walk) == 9
    for command in walk:
        done = subprocess.run(command, shell=True, cwd=tmp_path, env={**os.environ, "PATH": path}, text=True)
        assert done.returncode == 0 or command.startswith("zoo audit"), command  # which finds look-alikes
    rows = (tmp_path / "submission.csv").read_text().splitlines()
    videos = list((tmp_path / "data" / "replica_celebdf").rglob("*.mp4"))
    assert rows[0] == "filename,label" and len(rows) == 1 + len(videos) > 20
