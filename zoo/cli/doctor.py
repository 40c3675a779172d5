"""``zoo doctor``: what this machine has, what is missing and which extra brings it.

``zoo doctor data PATH`` looks at a corpus instead; see ``zoo doctor data --help``.
"""

from __future__ import annotations

import argparse
import importlib
import platform
import shutil
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement

from zoo.cli._libraries import faults
from zoo.errors import MissingDependency
from zoo.plugins import catalog

_MODULES = {
    "av": "av",
    "absl-py": "absl",
    "facenet-pytorch": "facenet_pytorch",
    "mmengine-lite": "mmengine",
    "opencv-python-headless": "cv2",
    "scikit-image": "skimage",
    "scikit-learn": "sklearn",
}


def main(argv: Sequence[str] | None = None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["data"]:
        from zoo.cli import doctor_data

        return doctor_data.main(arguments[1:])
    argparse.ArgumentParser(prog="zoo doctor", description=__doc__).parse_args(arguments)
    print(f"python      {platform.python_version()} on {platform.platform()}")
    print(f"disk        {shutil.disk_usage(Path.cwd()).free / 1e9:.0f} GB free in {Path.cwd()}")
    print(f"accelerator {_accelerator()}")
    broken = False
    for name, state, is_needed in packages():
        print(f"{name:<24}{state}")
        broken |= is_needed and not state[0].isdigit()
    for fault in faults():
        print(f"library     {fault}")
    for record in catalog().plugins:
        print(f"plugin {record.scope:<17}{record.reason or record.state} ({record.origin})")
    return 1 if broken else 0


_ALONE = {"mediapipe": "mediapipe"}  # package to extra: installed without its own requirements, so not listed there


def packages() -> Iterator[tuple[str, str, bool]]:
    """Name, version or what is wrong, and whether zoo needs it, for every package it can use."""
    alone = [f"{package}; extra == '{extra}'" for package, extra in _ALONE.items()]
    seen: set[str] = set()  # an extra may need what another brings too
    for text in [*(requires("deepfake-zoo") or ()), *alone]:
        requirement = Requirement(text)
        extra = str(requirement.marker).partition("extra == ")[2].strip("'\"") if requirement.marker else ""
        if extra in ("dev", "all") or requirement.name in ("deepfake-zoo", *seen):
            continue
        seen.add(requirement.name)
        try:
            found = version(requirement.name)
            importlib.import_module(_MODULES.get(requirement.name, requirement.name.replace("-", "_")))
        except PackageNotFoundError:
            wanted = f"Run: pip install {requirement.name}"
            if extra:
                wanted = str(MissingDependency.extra(requirement.name, extra, alone=text in alone).next_step)
            yield requirement.name, f"missing. {wanted}", not extra
        except Exception as error:  # a missing system library says so here
            yield requirement.name, f"installed, but does not import: {error}", not extra
        else:
            fits = requirement.specifier.contains(found, prereleases=True)
            yield requirement.name, found if fits else f"has {found}, needs {requirement.specifier}", not extra


def _accelerator() -> str:
    import torch

    if torch.cuda.is_available():
        return ", ".join(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
    return f"none; CPU with {torch.get_num_threads()} threads"
