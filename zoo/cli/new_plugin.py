"""``zoo new-plugin NAME``: write a plugin package, ready to install and to test.

It holds a backbone, a loss, a command, a config and tests, to be replaced by your own:

    zoo new-plugin acme-deepfakes
    pip install -e './acme-deepfakes[test]' && pytest acme-deepfakes
"""

from __future__ import annotations

import argparse
import keyword
import os
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from zoo.errors import ConfigError, WorkDirError
from zoo.files import atomic_write

_TEMPLATE: Final = Path(__file__).parent / "plugin_template"
_ENDING: Final = ".jinja"
_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")  # of the packaging specification, PEP 508
_OWN: Final = frozenset({"zoo", "deepfake-zoo"})
_LONGEST: Final = 40


def main(argv: Sequence[str] | None = None) -> int:
    """Write the package that ``argv`` names and say what to do next."""
    parser = argparse.ArgumentParser(
        prog="zoo new-plugin", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", metavar="NAME", help="of the distribution, as pip will know it: acme-deepfakes")
    parser.add_argument("--output", type=Path, metavar="DIR", help="folder to make (default: ./NAME)")
    options = parser.parse_args(argv)
    names = names_of(options.name)
    folder = options.output if options.output is not None else Path(names["distribution"])
    write_plugin(folder, names)
    print(
        f"{folder}: plugin {names['distribution']}, import name {names['package']}, scope {names['scope']}\n"
        f"next: pip install -e '{folder}[test]' && pytest {folder} && zoo list"
    )
    return 0


def names_of(name: str) -> dict[str, str]:
    """What the parts of a plugin are called whose distribution is called ``name``.

    Returns:
        ``distribution`` (``acme-deepfakes``: as PEP 503 normalises it), ``package`` (``acme_deepfakes``), ``scope``
        (the same: it begins the plugin's component and config names), ``prefix`` of classes (``AcmeDeepfakes``) and
        ``command`` (``acme-deepfakes-crops``).

    Raises:
        ConfigError: ``name`` is no name of a distribution, or gives none of a package that can be used.
    """
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise ConfigError(
            f"{name!r} cannot be the name of a distribution.",
            where="NAME",
            next_step=f"Use up to {_LONGEST} ASCII letters, digits, hyphens, dots and underscores, with a letter or "
            "digit at either end.",
        )
    distribution = re.sub(r"[-_.]+", "-", name).lower()
    package = distribution.replace("-", "_")
    if not package.isidentifier() or keyword.iskeyword(package):
        raise ConfigError(
            f"{name!r} gives the import name {package!r}, which Python does not take.",
            where="NAME",
            next_step="Begin with a letter and avoid words of the language.",
        )
    if distribution in _OWN or package in sys.stdlib_module_names:
        owner = "zoo itself" if distribution in _OWN else "Python's standard library"
        raise ConfigError(f"{name!r} is a name of {owner}.", where="NAME", next_step="Choose another name.")
    return {
        "distribution": distribution,
        "package": package,
        "scope": package,
        "prefix": "".join(word.capitalize() for word in distribution.split("-")),
        "command": f"{distribution}-crops",
    }


def write_plugin(folder: str | os.PathLike, names: dict[str, str]) -> None:
    """Fill the template with ``names`` (see `names_of`): in the end ``folder`` is there whole, or not at all.

    Raises:
        WorkDirError: ``folder`` exists already, or cannot be written.
    """
    import jinja2

    folder = Path(folder)
    if os.path.lexists(folder):
        raise WorkDirError(
            f"{folder.name} is there already.", where=folder, next_step="Give another folder: --output DIR."
        )
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATE),
        autoescape=False,  # Python and Markdown, from names that were checked
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    try:
        for source in sorted(_TEMPLATE.rglob(f"*{_ENDING}")):
            relative = source.relative_to(_TEMPLATE).as_posix()
            text = environment.get_template(relative).render(names)
            with atomic_write(partial / _target(relative, names["package"]), "w") as file:
                file.write(text)
        partial.rename(folder)
    except OSError as error:
        raise WorkDirError(
            f"Cannot write the plugin: {error.strerror or error}.",
            where=folder,
            next_step="Choose a folder you may write.",
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _target(template: str, package: str) -> Path:
    """Where in the new folder a template goes; tests get the package's name, so that those of several never meet."""
    path = template.removesuffix(_ENDING)
    if path.startswith("package/"):
        return Path("src", package, path.removeprefix("package/"))
    return Path(path.replace("tests/test_plugin", f"tests/test_{package}"))
