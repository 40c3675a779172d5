"""Long clips in windows: what is seen together, and which window has the last word on each frame.

Neighbouring windows overlap, and the overlap is cut in its middle: every frame's outputs are taken from the window in
which it lies farther from an edge. Each frame is taken exactly once, in order, so that what follows (decoding,
soft-NMS) sees one clip. Where a model looks no farther than half the overlap, the outputs are those of the undivided
clip up to rounding.

Notation: b clips, t frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from zoo.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Window:
    """Frames ``start`` to ``stop`` are looked at together; the outputs of ``first`` to ``last`` are taken.

    All are frame numbers of the clip, ``stop`` and ``last`` being one past the end.
    """

    start: int
    stop: int
    first: int
    last: int

    @property
    def kept(self) -> slice:
        """The frames that are taken, as numbers within the window."""
        return slice(self.first - self.start, self.last - self.start)


def plan_windows(length: int, *, size: int, overlap: int) -> list[Window]:
    """Windows over a clip of ``length`` frames, in order, the kept frames of which join without gap or repetition.

    All windows but those of a clip shorter than ``size`` are ``size`` long: the last one begins earlier where it would
    be shorter. A clip of no frames has none.

    Args:
        length: frames of the clip.
        size: frames of a window.
        overlap: frames that neighbouring windows have in common at least, from 0 to less than ``size``.

    Raises:
        ConfigError: a size or an overlap out of range.
    """
    if size < 1 or not 0 <= overlap < size:
        raise ConfigError(
            f"Windows of {size} frames cannot overlap by {overlap}.",
            where="windowing",
            next_step="The size is at least 1, the overlap at least 0 and smaller than the size.",
        )
    if length <= 0:
        return []
    starts = [*range(0, max(length - size, 0), size - overlap), max(length - size, 0)]
    stops = [min(start + size, length) for start in starts]
    cuts = [(start + stop) // 2 for start, stop in zip(starts[1:], stops[:-1], strict=True)]
    return [
        Window(start, stop, first, last)
        for start, stop, first, last in zip(starts, stops, [0, *cuts], [*cuts, length], strict=True)
    ]


def window_outputs(
    encode: Callable[[Window], Mapping[str, Tensor]], windows: Iterable[Window]
) -> Iterator[dict[str, Tensor]]:
    """The kept frames of every window, one window at a time.

    Args:
        encode: a window to outputs by name, each [b, t, ...] with the window's frames along the second dimension.
        windows: as `plan_windows` gives them.
    """
    for window in windows:
        yield {name: x[:, window.kept] for name, x in encode(window).items()}


def stitch(parts: Iterable[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Outputs of the whole clip, [b, t, ...] by name, out of those of its windows in order; empty where there are none.

    What is kept a frame is a few numbers, so that hours fit where their features would not.
    """
    kept: dict[str, list[Tensor]] = {}
    for part in parts:
        for name, x in part.items():
            kept.setdefault(name, []).append(x)
    return {name: torch.cat(pieces, dim=1) for name, pieces in kept.items()}
