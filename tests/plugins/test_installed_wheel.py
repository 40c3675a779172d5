"""The wheel, installed: it holds the configs, and they work from any folder."""

import json
from pathlib import Path

from zoo.config import load_config

CONFIGS = Path(__file__).parents[2] / "configs"
CHILD = '_base_ = ["zoo::xmodal_large.py"]\ntrain_cfg = dict(max_epochs=3)\n'
LOAD = """
import json, sys
from zoo.config import load_config
print(json.dumps([load_config(name).to_dict() for name in sys.argv[1:]]))
"""


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.py")}


def test_the_wheel_holds_every_config_and_is_the_zoo_that_runs(fresh_environment):
    package = Path(fresh_environment.run("-c", "import zoo; print(zoo.__path__[0])").stdout.strip())
    assert package.is_relative_to(fresh_environment.site_packages)
    assert files(package / "_configs") == files(CONFIGS) != {}
    assert (package / "py.typed").is_file()


def test_a_shipped_config_works_from_any_folder_by_its_alias_and_as_a_base(fresh_environment, tmp_path):
    (tmp_path / "mine.py").write_text(CHILD)
    done = fresh_environment.run("-c", LOAD, "zoo::xmodal_large.py", "xmodal_large", "mine.py", cwd=tmp_path)
    by_alias, by_name, as_base = json.loads(done.stdout)
    assert by_alias == by_name
    assert by_alias["model"] == as_base["model"] == load_config("zoo::xmodal_large.py").to_dict()["model"]
    assert as_base["train_cfg"]["max_epochs"] == 3 != by_alias["train_cfg"]["max_epochs"]


def test_commands_take_a_shipped_config_from_any_folder(fresh_environment, tmp_path):
    done = fresh_environment.zoo("train", "zoo::xmodal_large.py", "--data-root=nowhere", cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert "The data root nowhere does not exist." in done.stderr
    done = fresh_environment.zoo("train", "zoo::xmodal_larg.py", cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert "Did you mean 'xmodal_large'?" in done.stderr


def test_components_are_listed(fresh_environment, tmp_path):
    rows = json.loads(fresh_environment.zoo("list", "--json", cwd=tmp_path).stdout)
    assert {row["origin"] for row in rows} == {"zoo"}
    assert {"detector", "backbone", "corpus"} < {row["kind"] for row in rows}
