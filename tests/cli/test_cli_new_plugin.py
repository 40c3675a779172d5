"""``zoo new-plugin``: names that are checked, and a package that is whole or absent."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from zoo.cli import main
from zoo.cli.new_plugin import names_of
from zoo.errors import ConfigError

ROOT = Path(__file__).parents[2]


def test_a_package_is_written_under_its_name(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["new-plugin", "Zeta.Forensics"]) == 0
    assert "pip install -e 'zeta-forensics[test]'" in capsys.readouterr().out
    folder = tmp_path / "zeta-forensics"
    written = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert written == [
        "README.md",
        "pyproject.toml",
        "src/zeta_forensics/__init__.py",
        "src/zeta_forensics/backbone.py",
        "src/zeta_forensics/command.py",
        "src/zeta_forensics/configs/residual_net.py",
        "src/zeta_forensics/loss.py",
        "src/zeta_forensics/plugin.py",
        "tests/test_zeta_forensics.py",
    ]
    for path in folder.rglob("*"):
        if path.is_file():
            text = path.read_text()
            assert "{{" not in text and "}}" not in text and text.endswith("\n"), path
            assert path.suffix != ".py" or ast.parse(text)
    assert [path.name for path in tmp_path.iterdir()] == ["zeta-forensics"]


@pytest.mark.parametrize("name", ["b", "zeta-forensics", "a-laboratory-with-a-rather-long-name-x2"])
def test_what_is_written_passes_ruff_with_the_settings_of_zoo(tmp_path, name):
    folder = tmp_path / "plugin"
    assert main(["new-plugin", name, "--output", str(folder)]) == 0
    ruff = [sys.executable, "-m", "ruff"]
    for verb in (["check"], ["format", "--check"]) if len(name) < 20 else (["check"],):
        command = [*ruff, *verb, "--config", str(ROOT / "pyproject.toml"), "--no-cache", "."]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "cannot be the name"),
        ("-acme", "cannot be the name"),
        ("acme/../x", "cannot be the name"),
        ("acme deep", "cannot be the name"),
        ("acmé", "cannot be the name"),
        ("acme-", "cannot be the name"),
        ("acme\n", "cannot be the name"),
        ("a" * 41, "cannot be the name"),
        ("3d-faces", "import name '3d_faces'"),
        ("class", "import name 'class'"),
        ("zoo", "zoo itself"),
        ("Deepfake_Zoo", "zoo itself"),
        ("json", "standard library"),
    ],
)
def test_names_that_cannot_be_are_refused(name, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=told):
        names_of(name)
    assert main(["new-plugin", "--", name]) == 2
    assert not list(tmp_path.iterdir())


def test_names_are_normalised():
    assert names_of("Acme__Deep.fakes") == {
        "distribution": "acme-deep-fakes",
        "package": "acme_deep_fakes",
        "scope": "acme_deep_fakes",
        "prefix": "AcmeDeepFakes",
        "command": "acme-deep-fakes-crops",
    }


def test_what_is_there_is_left_alone(tmp_path, capsys):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    assert main(["new-plugin", "acme", "--output", str(folder)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["thesis.txt"]


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch, capsys):
    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    assert main(["new-plugin", "acme", "--output", str(tmp_path / "acme")]) == 2
    assert "No space left" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_folders_above_are_made(tmp_path):
    assert main(["new-plugin", "acme", "--output", str(tmp_path / "some" / "where")]) == 0
    assert (tmp_path / "some" / "where" / "pyproject.toml").is_file()
