"""The ``zoo`` command: ``zoo NAME ...`` runs a command that zoo or a plugin brings."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from zoo.errors import PluginError, ZooError, did_you_mean

USER_ERROR = 2
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that ``argv`` names; without one, list the commands."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    return run(lambda: _main(arguments))


def _main(arguments: list[str]) -> int:
    from zoo.plugins import catalog

    commands = catalog().commands
    if not arguments or arguments[0] in ("-h", "--help"):
        _print_commands()
        return 0
    if arguments[0] == "--version":
        from importlib.metadata import version

        print(version("deepfake-zoo"))
        return 0
    name, *rest = arguments
    if name not in commands:
        catalog().blame(name)
        suggestion = did_you_mean(name, commands) + catalog().suspects()
        print(f"zoo: no command {name!r}.{suggestion} Run: zoo --help", file=sys.stderr)
        return USER_ERROR
    from zoo.plugins.manager import load_target

    command = commands[name]
    try:
        return load_target(command.target, name=f"command {name}")(rest)
    except ZooError:
        raise
    except Exception:
        if command.origin != "zoo":
            print(f"zoo: the command {name!r} of plugin {command.origin!r} failed:", file=sys.stderr)
        raise


def _print_commands() -> None:
    from zoo.plugins import catalog

    found = catalog()
    width = max(map(len, found.commands))
    print("usage: zoo COMMAND ...\n\ncommands (zoo COMMAND --help for each):")
    for name, command in sorted(found.commands.items()):
        origin = "" if command.origin == "zoo" else f"  [{command.origin}]"
        print(f"  {name:<{width}}  {command.summary}{origin}")
    failed = "".join(f"\nFAILED plugin {record.scope}: run zoo info {record.scope}" for record in found.broken)
    if failed:
        print(failed)


def run(command: Callable[[], int]) -> int:
    """Run ``command``; an error that is the user's to mend becomes one message and exit code 2.

    ``ZOO_TRACEBACK=1`` shows the whole traceback; a fault in a plugin that the error comes from always shows its own.
    """
    try:
        return command()
    except ZooError as error:
        if os.environ.get("ZOO_TRACEBACK") == "1":
            raise
        fault = error if isinstance(error, PluginError) else error.__cause__
        if isinstance(fault, PluginError) and fault.__cause__ is not None:
            import traceback

            traceback.print_exception(fault.__cause__)
        print(f"error: {error}", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
