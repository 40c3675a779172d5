"""Faults of libraries that packages share: OpenCV builds that overwrite each other, graphics libraries that lack."""

from __future__ import annotations

import ctypes
import importlib
import re
from collections.abc import Callable, Collection, Iterator
from importlib.metadata import distributions
from typing import Final

HEADLESS: Final = "opencv-python-headless"
_PACKAGES: Final = {"libGL.so.1": "libgl1", "libEGL.so.1": "libegl1", "libGLESv2.so.2": "libgles2"}  # of Debian
_MEDIAPIPE_NEEDS: Final = ("libEGL.so.1", "libGLESv2.so.2")


def faults(
    installed: Collection[str] | None = None,
    *,
    load_module: Callable[[str], object] = importlib.import_module,
    load_library: Callable[[str], object] = ctypes.CDLL,
) -> Iterator[str]:
    """What is wrong with OpenCV and with what mediapipe loads, one line each, with the command that mends it.

    Args:
        installed: names of the distributions; those of this interpreter if None.
        load_module, load_library: raise ImportError and OSError for what cannot be loaded.
    """
    if installed is None:
        installed = {found.metadata["Name"] for found in distributions() if found.metadata["Name"]}
    names = {re.sub(r"[-_.]+", "-", name).lower() for name in installed}
    builds = sorted(name for name in names if re.fullmatch(r"opencv(-contrib)?-python(-headless)?", name))
    others = [name for name in builds if name != HEADLESS]
    only_headless = f"pip install --force-reinstall --no-deps {HEADLESS}"
    if others:
        only_headless = f"pip uninstall -y {' '.join(others)} && {only_headless}"
    if not builds:
        yield f"OpenCV is not installed; run: pip install {HEADLESS}"
    elif len(builds) > 1:
        yield f"{' and '.join(builds)} overwrite each other's files; run: {only_headless}"
    if builds and (reason := _fault(load_module, "cv2")):
        library = next((name for name in _PACKAGES if name in reason), None)
        system = f", or install the system's library: apt-get install {_PACKAGES[library]}" if library else ""
        yield f"OpenCV does not load ({reason}); run: {only_headless}{system}"
    if "mediapipe" in names:
        for library in _MEDIAPIPE_NEEDS:
            if reason := _fault(load_library, library):
                yield f"mediapipe needs {library} ({reason}); run: apt-get install {_PACKAGES[library]}"


def _fault(load: Callable[[str], object], name: str) -> str:
    try:
        load(name)
    except (ImportError, OSError, AttributeError) as error:  # AttributeError: files of two builds mixed
        return str(error).splitlines()[0] if str(error) else type(error).__name__
    return ""
