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
    from zoo.plugins import catalog

    arguments = list(sys.argv[1:] if argv is None else argv)
    commands = catalog().commands
    if not arguments or arguments[0] in ("-h", "--help"):
        width = max(map(len, commands))
        print("usage: zoo COMMAND ...\n\ncommands (zoo COMMAND --help for each):")
        print("\n".join(f"  {name:<{width}}  {commands[name].summary}" for name in sorted(commands)))
        return 0
    if arguments[0] == "--version":
        from importlib.metadata import version

        print(version("deepfake-zoo"))
        return 0
    name, *rest = arguments
    if name not in commands:
        print(f"zoo: no command {name!r}.{did_you_mean(name, commands)} Run: zoo --help", file=sys.stderr)
        return USER_ERROR

    def command() -> int:
        from zoo.plugins.manager import load_target

        return load_target(commands[name].target, name=f"command {name}")(rest)

    return run(command)


def run(command: Callable[[], int]) -> int:
    """Run ``command``; an error that is the user's to mend becomes one message and exit code 2.

    ``ZOO_TRACEBACK=1`` shows the whole traceback; a fault in a plugin always shows its own.
    """
    try:
        return command()
    except ZooError as error:
        if os.environ.get("ZOO_TRACEBACK") == "1":
            raise
        if isinstance(error, PluginError) and error.__cause__ is not None:
            import traceback

            traceback.print_exception(error.__cause__)
        print(f"error: {error}", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
