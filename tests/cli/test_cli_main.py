"""The command line: quick, helpful, and clear about mistakes."""

import json
import subprocess
import sys

import pytest

from zoo.cli import main, run
from zoo.errors import DataError
from zoo.plugins import catalog


def test_help_names_every_command(capsys):
    assert main([]) == 0
    output = capsys.readouterr().out
    assert catalog().commands
    assert all(name in output for name in catalog().commands)


def test_an_unknown_command_is_answered_with_the_nearest(capsys):
    assert main(["lst"]) == 2
    assert "Did you mean 'list'" in capsys.readouterr().err


def test_list_shows_kinds_names_and_summaries(capsys):
    assert main(["list", "loss"]) == 0
    output = capsys.readouterr().out
    assert "FocalLoss" in output
    assert "CrossModalTransformer" not in output


def test_list_as_json_is_complete(capsys):
    assert main(["list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["name"] for row in rows} == set(catalog().components)


def test_list_of_an_unknown_kind_is_one_error(capsys):
    assert main(["list", "losss"]) == 2
    assert "Did you mean 'loss'" in capsys.readouterr().err


def test_info_shows_signature_documentation_and_configs(capsys):
    assert main(["info", "CrossModalTransformer"]) == 0
    output = capsys.readouterr().out
    assert "kind       detector" in output
    assert "zoo::xmodal_large.py" in output  # which names it only through its bases
    assert "fusion" in output


def test_a_user_error_is_one_message_and_exit_code_2(capsys):
    def command():
        raise DataError("No videos.", where="data", next_step="Look elsewhere.")

    assert run(command) == 2
    assert capsys.readouterr().err == "error: No videos.\n  where: data\n  next:  Look elsewhere.\n"


@pytest.mark.parametrize("arguments", [["--help"], ["list"]])
def test_answers_without_heavy_imports(arguments):
    code = (
        f"import sys; from zoo.cli import main; main({arguments!r}); "
        "print(sorted({'torch', 'numpy', 'cv2', 'mmengine'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr.strip() == "[]"
    assert done.stdout
