"""Videos to measure on: drawn heads of a replica, with a real codec."""

from __future__ import annotations

from pathlib import Path

from zoo.registry import build


def genuine_clips(
    root: Path, *, seconds: float, size: tuple[int, int], keyframe_every: int, identities: int
) -> list[Path]:
    """The genuine videos of a replica at ``root``, drawn once, sorted; ``size`` is width and height in pixels."""
    replica = build(
        "replica",
        {
            "type": "CelebDFReplica",
            "identities": identities,
            "duration_s": seconds,
            "frame_size": size,
            "keyframe_every": keyframe_every,
        },
    )
    replica.write(root)
    return sorted(path for path in root.rglob("*.mp4") if "synthesis" not in str(path))
