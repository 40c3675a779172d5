"""Plugins: what they bring is found, and the broken ones leave the host working."""

import sys
import textwrap

import pytest

from zoo.errors import PluginError, UnknownComponent
from zoo.plugins import KINDS, catalog
from zoo.plugins.manager import load_target
from zoo.registry import REGISTRIES, build

GOOD = """
from zoo.plugins import Component, Command, hookimpl
@hookimpl
def zoo_components():
    return [Component("loss", "AcmeLoss", "acme_parts:AcmeLoss", "a loss"),
            Component("loss", "AcmeAbsent", "acme_parts:Nowhere", "a target that does not exist")]
@hookimpl
def zoo_commands():
    return [Command("acme", "acme_parts:command", "a command")]
@hookimpl
def zoo_config_dirs():
    import pathlib
    return {"acme": pathlib.Path(__file__).parent / "configs"}
"""
PARTS = "class AcmeLoss:\n    def __init__(self, *, weight=1.0):\n        self.weight = weight\n"
COMPONENT = "from zoo.plugins import *\n@hookimpl\ndef zoo_components():\n    return [{}]\n"
BROKEN = {
    "import error": ("import a_package_that_is_not_there", "ModuleNotFoundError"),
    "exit at import": ("raise SystemExit(3)", "SystemExit"),
    "newer hooks": ("ZOO_API = (1, 99)", "asks for hook API 1.99"),
    "misspelled hook": ("def zoo_component(): return []", "Did you mean 'zoo_components'"),
    "wrong signature": (
        "from zoo.plugins import hookimpl\n@hookimpl\ndef zoo_components(extra): return []",
        "PluginValidationError",
    ),
    "name taken": (COMPONENT.format('Component("metric", "ForgeryMetric", "a:b", "")'), "exists already"),
    "unknown kind": (COMPONENT.format('Component("los", "Mine", "a:b", "")'), "Did you mean 'loss'"),
    "no target": (COMPONENT.format('Component("loss", "Mine", "a.b", "")'), "not 'package.module:Class'"),
}


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a plugin, as an installed distribution, on the path of this process."""

    def make(source, scope="acme", module="acme_plugin"):
        info = tmp_path / f"{scope}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {scope}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[zoo.plugins]\n{scope} = {module}\n")
        (tmp_path / f"{module}.py").write_text(textwrap.dedent(source))
        (tmp_path / "acme_parts.py").write_text(PARTS)
        catalog.cache_clear()

    monkeypatch.syspath_prepend(tmp_path)
    yield make
    for name in ("acme_plugin", "acme_parts", "beta_plugin"):
        sys.modules.pop(name, None)
    for registry in REGISTRIES.values():
        registry._module_dict.pop("AcmeLoss", None)
    catalog.cache_clear()


def test_a_plugin_brings_components_commands_and_configs(install):
    install(GOOD)
    found = catalog()
    assert found.components["AcmeLoss"].origin == "acme"
    assert found.commands["acme"].summary == "a command"
    assert "acme" in found.config_dirs
    assert build("loss", {"type": "acme.AcmeLoss", "weight": 2.0}).weight == 2.0
    assert build("loss", {"type": "AcmeLoss"}).weight == 1.0


def test_a_target_that_does_not_exist_leaves_its_siblings_usable(install):
    install(GOOD)
    with pytest.raises(PluginError, match="Cannot load loss AcmeAbsent"):
        build("loss", {"type": "AcmeAbsent"})
    assert build("loss", {"type": "AcmeLoss"}).weight == 1.0


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_plugin_is_kept_apart_and_named(install, fault):
    source, reason = BROKEN[fault]
    install(source)
    found = catalog()
    record = next(record for record in found.plugins if record.scope == "acme")
    assert reason in record.reason
    assert record.origin == "acme 1.0"
    assert not [item for item in found.components.values() if item.origin == "acme"]
    assert "EarlyStopping" in found.components
    with pytest.raises(PluginError, match="failed to load") as caught:
        found.require("acme.Anything")
    assert caught.value.__cause__ is record.error


def test_one_broken_plugin_does_not_touch_another(install):
    install(GOOD)
    install("import a_package_that_is_not_there", scope="beta", module="beta_plugin")
    assert "AcmeLoss" in catalog().components
    with pytest.raises(UnknownComponent, match="Plugins that failed to load: beta"):
        catalog().require("BetaLoss")


def test_plugins_can_be_disabled_and_strict(install, monkeypatch):
    install("import a_package_that_is_not_there")
    monkeypatch.setenv("ZOO_DISABLE_PLUGINS", "acme")
    assert [record.scope for record in catalog().plugins] == ["zoo"]
    catalog.cache_clear()
    monkeypatch.delenv("ZOO_DISABLE_PLUGINS")
    monkeypatch.setenv("ZOO_STRICT_PLUGINS", "1")
    with pytest.raises(ModuleNotFoundError):
        catalog()


def test_an_unknown_name_gets_suggestions():
    with pytest.raises(UnknownComponent, match="Did you mean 'FocalLoss'") as caught:
        build("loss", {"type": "FocalLos"})
    assert caught.value.next_step == "Run: zoo list loss"


def test_every_kind_is_explained_and_every_builtin_loads():
    assert all(KINDS.values())
    items = [item for item in catalog().components.values() if item.origin == "zoo"]
    assert items
    for item in items:
        target = load_target(item.target)
        assert callable(target), item
        assert item.summary and "\n" not in item.summary
        assert REGISTRIES[item.kind].get(item.name) is target
