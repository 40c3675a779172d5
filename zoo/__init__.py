"""A plugin-registry model zoo for deepfake detection: images, video and audio-visual.

``zoo.list_models``, ``zoo.create_model`` and ``zoo.load_model`` are the way in from Python (see `zoo.api`). Importing
``zoo`` alone imports nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.api import create_model, list_models, load_model

__all__ = ["create_model", "list_models", "load_model"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from zoo import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
