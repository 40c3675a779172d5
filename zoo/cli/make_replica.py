"""``zoo make-replica``: write a synthetic stand-in for a corpus, with real codecs."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_REPLICAS: Final = {"fakeavceleb": "FakeAVCelebReplica"}


def main(argv: Sequence[str] | None = None) -> int:
    """Write the replica that ``argv`` asks for and print what was made."""
    options = _parser().parse_args(argv)
    from zoo.jobs.progress import show_progress
    from zoo.registry import build

    replica = build(
        "replica",
        {
            "type": _REPLICAS[options.corpus],
            "difficulty": options.difficulty,
            "clips": options.clips,
            "identities": options.identities,
            "duration_s": options.duration,
            "seed": options.seed,
            "photos": options.photos,
            "speech": options.speech,
            "workers": options.workers,
        },
    )
    begun = time.perf_counter()
    with show_progress("Drawing identities") as on_progress:
        summary = replica.write(options.output, on_progress=on_progress)
    seconds = time.perf_counter() - begun
    print(
        f"{options.output}: {summary.clips} clips ({summary.real} real, {summary.clips - summary.real} fake) of "
        f"{summary.identities} identities after {summary.photographs} photograph(s); "
        f"{summary.written} written in {seconds:.1f} s, {summary.clips - summary.written} were there already."
    )
    if summary.left_out:
        print(f"{len(summary.left_out)} photograph(s) left out:")
        print("\n".join(f"  {reason}" for reason in summary.left_out))
    print("Synthetic: for demos and tests, no basis for any claim.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="zoo make-replica", description=__doc__)
    parser.add_argument("--corpus", choices=sorted(_REPLICAS), default="fakeavceleb", help="whose layout to imitate")
    parser.add_argument(
        "--output", type=Path, required=True, help="folder to write; an interrupted replica is completed"
    )
    parser.add_argument("--difficulty", default="normal", help="easy, normal or hard")
    parser.add_argument("--clips", type=int, default=480, help="videos, half of them real")
    parser.add_argument("--identities", type=int, help="people; by default one for every twelve clips")
    parser.add_argument("--duration", type=float, default=3.0, help="seconds a clip")
    parser.add_argument("--seed", type=int, default=0, help="equal seeds give equal files")
    parser.add_argument("--photos", type=Path, help="folder of portraits to vary as well")
    parser.add_argument("--speech", type=Path, help="folder of WAV recordings, one subfolder a speaker")
    parser.add_argument("--workers", type=int, help="processes; by default one a usable CPU, 0 for none")
    return parser
