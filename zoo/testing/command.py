"""What a command promises: it explains itself, refuses what it does not know, and is quick to do either."""

from __future__ import annotations

import contextlib
import io

from zoo.plugins import catalog
from zoo.plugins.manager import load_target
from zoo.testing.case import ContractBroken, expect


def check_command(name: str) -> None:
    """The contract of ``zoo NAME``: a summary of one line, ``--help``, and exit code 2 for an unknown option.

    Args:
        name: of the command, as the catalogue has it.

    Raises:
        ContractBroken: it breaks a promise.
        PluginError: its target cannot be imported.
    """
    commands = catalog().commands
    expect(name in commands, f"there is no command {name!r}; run: zoo --help")
    summary = commands[name].summary
    expect(summary.strip() and "\n" not in summary, f"command {name}: the summary must be one line")
    code, told = _outcome(name, "--help")
    expect(code == 0, f"command {name}: --help ends with {code}, not 0")
    expect(f"zoo {name}" in told, f"command {name}: --help does not speak of `zoo {name}` (argparse: prog=)")
    code, told = _outcome(name, "--no-such-option-of-this-command")
    expect(code == 2, f"command {name}: an unknown option ends with {code}, not 2")
    expect(told.strip(), f"command {name}: an unknown option is refused without a word")


def _outcome(name: str, *arguments: str) -> tuple[object, str]:
    """Exit code and all that was printed."""
    main = load_target(catalog().commands[name].target, name=f"command {name}")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            code = main(list(arguments))
        except SystemExit as error:
            code = error.code or 0
        except Exception as error:
            raise ContractBroken(f"command {name} {' '.join(arguments)}: {type(error).__name__}: {error}") from error
    return code, printed.getvalue()
