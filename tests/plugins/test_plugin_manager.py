"""Plugins: what they bring is found, and the broken ones leave the host working."""

import sys

import pytest
from broken_plugins import BROKEN, PARTS
from plugin_site import PluginSite

from zoo.cli import run
from zoo.config import find_config, load_config
from zoo.datasets.corpora.reading import find_corpus
from zoo.errors import ConfigError, PluginError, UnknownComponent
from zoo.plugins import KINDS, catalog
from zoo.plugins.manager import load_target
from zoo.registry import REGISTRIES, build

GOOD = """
from zoo.plugins import Component, Command, hookimpl
@hookimpl
def zoo_components():
    return [Component("loss", "AcmeLoss", "acme_parts:AcmeLoss", "a loss"),
            Component("loss", "AcmeAbsent", "acme_parts:Nowhere", "a target that does not exist"),
            Component("loss", "AcmeExit", "acme_exit:AcmeExit", "a target whose module exits"),
            Component("loss", "AcmeNumber", "acme_parts:NUMBER", "a target that is no class")]
@hookimpl
def zoo_commands():
    return [Command("acme", "acme_parts:command", "a command")]
@hookimpl
def zoo_config_dirs():
    import pathlib
    return {"acme": pathlib.Path(__file__).parent}
"""
BETA = GOOD.replace("acme", "beta").replace("Acme", "Beta")
IMPORT_ERROR = "import a_package_that_is_not_there"


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a plugin, as an installed distribution, on the path of this process."""
    site = PluginSite(tmp_path)

    def make(source, *, scope="acme", **options):
        site.install(source, scope=scope, acme_parts=PARTS, acme_exit="raise SystemExit(5)", **options)
        catalog.cache_clear()

    monkeypatch.syspath_prepend(tmp_path)
    yield make
    for name in ("acme_plugin", "acme_parts", "acme_exit", "beta_plugin", "gamma_plugin"):
        sys.modules.pop(name, None)
    for registry in REGISTRIES.values():
        registry._module_dict.pop("AcmeLoss", None)
    catalog.cache_clear()


def record_of(scope):
    [record] = [record for record in catalog().plugins if record.scope == scope]
    return record


def test_a_plugin_brings_components_commands_and_configs(install):
    install(GOOD)
    found = catalog()
    assert found.components["AcmeLoss"].origin == "acme"
    assert found.commands["acme"].summary == "a command"
    assert "acme" in found.config_dirs
    assert build("loss", {"type": "acme.AcmeLoss", "weight": 2.0}).weight == 2.0
    assert build("loss", {"type": "AcmeLoss"}).weight == 1.0


@pytest.mark.parametrize(
    ("name", "cause"), [("AcmeAbsent", AttributeError), ("AcmeExit", SystemExit), ("acme.AcmeNumber", type(None))]
)
def test_a_target_that_is_broken_leaves_its_siblings_usable(install, name, cause):
    install(GOOD)
    with pytest.raises(PluginError, match=f"loss {name.removeprefix('acme.')}") as caught:
        build("loss", {"type": name})
    assert type(caught.value.__cause__) is cause
    assert build("loss", {"type": "AcmeLoss"}).weight == 1.0


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_plugin_is_kept_apart_and_named(install, fault):
    source, reason = BROKEN[fault]
    install(source)
    found = catalog()
    record = record_of("acme")
    assert reason in record.reason
    assert "\n" not in record.reason
    assert record.origin == "acme 1.0"
    assert record.state == "FAILED"
    assert not [item for item in found.components.values() if item.origin == "acme"]
    assert "EarlyStopping" in found.components
    with pytest.raises(PluginError, match="failed to load") as caught:
        found.require("acme.Anything")
    assert caught.value.__cause__ is record.error


def test_one_broken_plugin_does_not_touch_another(install):
    install(GOOD)
    install(IMPORT_ERROR, scope="beta")
    assert "AcmeLoss" in catalog().components
    with pytest.raises(UnknownComponent, match="may come from plugins that failed to load: beta"):
        catalog().require("BetaLoss")


def test_of_two_plugins_with_one_name_the_second_fails_and_its_other_names_are_traced_to_it(install):
    install(GOOD)
    beta = GOOD.replace('"AcmeAbsent"', '"BetaAbsent"').replace('"acme"', '"beta"')
    install(beta, scope="beta")
    assert record_of("acme").state == "ok"
    assert record_of("beta").reason == "Component 'AcmeExit' exists already (from acme)."
    assert set(catalog().commands) - set(record_of("zoo").offer.commands) == {"acme"}
    for name in ("BetaAbsent", "beta.AcmeLoss"):
        with pytest.raises(PluginError, match=f"{name}' belongs to plugin 'beta'") as caught:
            build("loss", {"type": name})
        assert caught.value.__cause__ is record_of("beta").error
    assert catalog().find("AcmeLoss").origin == "acme"


@pytest.mark.parametrize("scope", ["zoo", "mmengine", "acme"])
def test_a_scope_has_one_owner(install, scope):
    install(GOOD)
    install(IMPORT_ERROR, scope=scope, module="gamma_plugin", distribution="gamma")
    *others, last = [record for record in catalog().plugins if record.scope == scope]
    assert last.origin == "gamma 1.0"
    assert last.reason == f"The scope {scope!r} is taken; the entry point needs another name."
    assert all(record.state == "ok" for record in others)
    assert "AcmeLoss" in catalog().components


def test_damaged_metadata_of_one_distribution_hides_no_plugin(install, tmp_path):
    install(GOOD)
    install(IMPORT_ERROR, scope="gamma")
    (tmp_path / "gamma-1.0.dist-info" / "entry_points.txt").write_text("[zoo.plugins]\ngamma\n")
    assert record_of("acme").state == "ok"
    assert record_of("gamma").state == "FAILED"


def test_plugins_can_be_disabled_and_strict(install, monkeypatch):
    install(IMPORT_ERROR)
    install(BETA, scope="beta")
    monkeypatch.setenv("ZOO_DISABLE_PLUGINS", " acme,")
    assert record_of("acme").state == "disabled"
    assert "acme_plugin" not in sys.modules
    assert record_of("beta").state == "ok"
    with pytest.raises(PluginError, match="which ZOO_DISABLE_PLUGINS leaves out"):
        build("loss", {"type": "acme.AcmeLoss"})
    catalog.cache_clear()
    monkeypatch.setenv("ZOO_DISABLE_PLUGINS", "all")
    assert {record.state for record in catalog().plugins if record.scope != "zoo"} == {"disabled"}
    catalog.cache_clear()
    monkeypatch.delenv("ZOO_DISABLE_PLUGINS")
    monkeypatch.setenv("ZOO_STRICT_PLUGINS", "1")
    with pytest.raises(PluginError, match="Plugin 'acme' failed to load: ModuleNotFoundError") as caught:
        catalog()
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_a_config_that_needs_broken_plugins_names_each_and_shows_the_traceback(install, tmp_path, capsys):
    install("def broken():\n    return 1 / 0\nbroken()")
    (tmp_path / "mine.py").write_text(
        'model = dict(type="acme.Model")\ncustom_hooks = [dict(type="BareHook")]\n'
        'param_scheduler = dict(type="acme.Decay")\n'
    )
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "mine.py")
    for line in (
        "model: Component 'acme.Model' belongs to plugin 'acme', which failed to load: ZeroDivisionError",
        "param_scheduler: Component 'acme.Decay' belongs to plugin 'acme'",
        "custom_hooks.0: no hook named 'BareHook'. It may come from plugins that failed to load: acme (ZeroDivision",
    ):
        assert line in caught.value.what
    assert caught.value.__cause__.__cause__ is record_of("acme").error
    assert run(lambda: load_config(tmp_path / "mine.py")) == 2
    shown = capsys.readouterr().err
    assert 'acme_plugin.py", line 2, in broken' in shown
    assert shown.index("ZeroDivisionError") < shown.index("error: 3 mistakes in the config:")


def test_a_component_whose_import_fails_is_a_mistake_with_its_own_traceback(install, tmp_path):
    install(GOOD)
    (tmp_path / "mine.py").write_text('model = dict(type="ImageDetector", loss=dict(type="AcmeAbsent"))\n')
    with pytest.raises(ConfigError, match=r"model\.loss: Cannot load loss AcmeAbsent: AttributeError") as caught:
        load_config(tmp_path / "mine.py")
    assert isinstance(caught.value.__cause__.__cause__, AttributeError)


@pytest.mark.parametrize("text", ['_base_ = ["acme::base.py"]\n', '_base_ = "acme::base.py"\n'])
def test_configs_of_a_broken_plugin_are_told_from_unknown_ones(install, tmp_path, text):
    install(IMPORT_ERROR)
    (tmp_path / "mine.py").write_text(text)
    for name in ("acme::base.py", tmp_path / "mine.py"):
        with pytest.raises(PluginError, match=r"Config 'acme::base\.py' belongs to plugin 'acme'") as caught:
            load_config(name)
        assert isinstance(caught.value.__cause__, ModuleNotFoundError)
    with pytest.raises(ConfigError, match=r"No config folder is called 'acne'.*It may come from plugins that failed"):
        find_config("acne::base.py")
    (tmp_path / "mine.py").write_text(text.replace("acme", "acne"))
    with pytest.raises(ConfigError, match="No config folder is called 'acne'"):
        load_config(tmp_path / "mine.py")


def test_a_corpus_of_a_broken_plugin_is_told_from_an_unknown_one(install, tmp_path):
    install(IMPORT_ERROR)
    with pytest.raises(PluginError, match=r"'acme\.Corpus' belongs to plugin 'acme'"):
        find_corpus(tmp_path, name="acme.Corpus")
    with pytest.raises(UnknownComponent, match="failed to load: acme"):
        find_corpus(tmp_path, name="Nothing")


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
