"""Plugins that are broken, each in its own way: source of the module, and what their reason must say."""

COMPONENTS = "from zoo.plugins import *\n@hookimpl\ndef zoo_components():\n    {}\n"
COMMANDS = "from zoo.plugins import *\n@hookimpl\ndef zoo_commands():\n    {}\n"
CONFIGS = "from pathlib import Path\nfrom zoo.plugins import *\n@hookimpl\ndef zoo_config_dirs():\n    {}\n"
GOOD = COMPONENTS.format('return [Component("loss", "AcmeLoss", "acme_parts:AcmeLoss", "a loss")]')
PARTS = "NUMBER = 5\nclass AcmeLoss:\n    def __init__(self, *, weight=1.0):\n        self.weight = weight\n"

BROKEN = {
    "import error": (
        "import a_package_that_is_not_there",
        "ModuleNotFoundError: No module named 'a_package_that_is_no",
    ),
    "error at import": ("1 / 0", "ZeroDivisionError: division by zero"),
    "syntax error": ("def zoo_components(:", "SyntaxError: invalid syntax (acme_plugin.py, line 1)"),
    "exit at import": ("raise SystemExit(3)", "SystemExit: 3"),
    "interrupt at import": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "other base exception": ("raise GeneratorExit", "GeneratorExit"),
    "error without a text": (
        "class Mute(Exception):\n    def __str__(self): raise ValueError\nraise Mute",
        "Mute: (its text cannot be had)",
    ),
    "asks for the catalogue": ("from zoo.plugins import catalog\ncatalog()", "while it is loaded"),
    "newer hooks": ("ZOO_API = (1, 99)", "asks for hook API 1.99; this zoo has 1."),
    "other major": ("ZOO_API = (2, 0)", "asks for hook API 2.0; this zoo has 1."),
    "version as a text": ('ZOO_API = "1.0"', "ZOO_API must be two whole numbers"),
    "version as a number": ("ZOO_API = 1", "ZOO_API must be two whole numbers"),
    "half a version": ("ZOO_API = (1,)", "ZOO_API must be two whole numbers"),
    "no hooks": ("VERSION = 3", "The plugin has no hooks"),
    "misspelled hook": ("def zoo_component(): return []", "'zoo_component' is no hook. Did you mean 'zoo_components'"),
    "misspelled marked hook": (
        "from zoo.plugins import hookimpl\n@hookimpl\ndef zoo_comands(): return []",
        "'zoo_comands' is no hook. Did you mean 'zoo_commands'",
    ),
    "unmarked hook": ("def zoo_components(): return []", "zoo_components is not marked as a hook; write @zoo.plugins"),
    "foreign hook": (
        "from zoo.plugins import hookimpl\n@hookimpl\ndef components(): return []",
        "unknown hook 'components'",
    ),
    "wrong signature": (
        "from zoo.plugins import hookimpl\n@hookimpl\ndef zoo_components(extra): return []",
        "PluginValidationError: Plugin 'acme' for hook 'zoo_components'",
    ),
    "hook that fails": (COMPONENTS.format('raise RuntimeError("no luck")'), "RuntimeError: no luck"),
    "hook that exits": (COMMANDS.format("raise SystemExit('bye')"), "SystemExit: bye"),
    "hook that returns None": (COMPONENTS.format("pass"), "must return Component objects, not None"),
    "hook that returns a number": (COMPONENTS.format("return 7"), "must return Component objects, not int"),
    "hook that returns a text": (COMPONENTS.format('return "AcmeLoss"'), "must return Component objects, not str"),
    "hook that returns a mapping": (COMMANDS.format("return {}"), "must return Command objects, not dict"),
    "hook that returns strings": (COMPONENTS.format('return ["AcmeLoss"]'), "must return Component objects, not str"),
    "hook that is a coroutine": (
        COMPONENTS.replace("def", "async def").format("return []"),
        "must return Component objects, not coroutine",
    ),
    "generator that fails half-way": (
        COMPONENTS.format('yield Component("loss", "AcmeLoss", "a:b", "")\n    raise OSError("half-way")'),
        "OSError: half-way",
    ),
    "generator without an end": (
        COMPONENTS.format(
            '\n    n = 0\n    while True:\n        n += 1\n        yield Component("loss", f"A{n}", "a:b", "")'
        ),
        "zoo_components() does not end",
    ),
    "name taken by zoo": (COMPONENTS.format('return [Component("metric", "ForgeryMetric", "a:b", "")]'), "from zoo"),
    "name twice": (
        COMPONENTS.format('return 2 * [Component("loss", "Mine", "a:b", "")]'),
        "names component 'Mine' twice",
    ),
    "name of no component": (COMPONENTS.format('return [Component("loss", "a.B", "a:b", "")]'), "named like a class"),
    "name that is none": (
        COMPONENTS.format('return [Component("loss", None, "a:b", "")]'),
        "must be one line, not None",
    ),
    "unknown kind": (COMPONENTS.format('return [Component("los", "Mine", "a:b", "")]'), "Did you mean 'loss'"),
    "no target": (COMPONENTS.format('return [Component("loss", "Mine", "a.b", "")]'), "not 'package.module:Class'"),
    "target without attribute": (COMPONENTS.format('return [Component("loss", "Mine", "a:", "")]'), "not 'package."),
    "target that is no text": (COMPONENTS.format('return [Component("loss", "Mine", print, "")]'), "must be one line"),
    "command taken by zoo": (COMMANDS.format('return [Command("train", "a:b", "")]'), "Command 'train' exists already"),
    "command of two words": (COMMANDS.format('return [Command("a b", "a:b", "")]'), "must consist of letters"),
    "command like an option": (COMMANDS.format('return [Command("--x", "a:b", "")]'), "must consist of letters"),
    "alias taken by zoo": (
        CONFIGS.format('return {"zoo": Path(__file__).parent}'),
        "Config alias 'zoo' exists already",
    ),
    "configs that are no mapping": (
        CONFIGS.format("return [Path(__file__)]"),
        "must return a mapping of alias to folder",
    ),
    "configs that are none": (CONFIGS.format("pass"), "must return a mapping of alias to folder, not NoneType"),
    "folder that does not exist": (
        CONFIGS.format('return {"acme": Path(__file__).parent / "nowhere"}'),
        "does not exist. Does the package contain it?",
    ),
    "folder that is relative": (CONFIGS.format('return {"acme": "configs"}'), "must be absolute"),
    "folder that is no path": (CONFIGS.format('return {"acme": None}'), "must be a path, not NoneType"),
    "alias with colons": (CONFIGS.format('return {"acme::": Path(__file__).parent}'), "must consist of letters"),
}
