"""``zoo make-replica``: write a synthetic stand-in for a corpus, with real codecs."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from zoo.errors import ConfigError
from zoo.plugins import catalog

_ENDING: Final = "Replica"
_DEFAULT: Final = "fakeavceleb"


def main(argv: Sequence[str] | None = None) -> int:
    """Write the replica that ``argv`` asks for and print what was made."""
    components = _components()
    arguments = vars(_parser(components).parse_args(argv))
    corpus, output = arguments.pop("corpus"), arguments.pop("output")
    given = {name: value for name, value in arguments.items() if value is not None}
    from zoo.jobs.progress import show_progress
    from zoo.registry import build

    _check_options(corpus, components[corpus], given)
    replica = build("replica", {"type": components[corpus], **given})
    begun = time.perf_counter()
    with show_progress("Drawing identities") as on_progress:
        summary = replica.write(output, on_progress=on_progress)
    seconds = time.perf_counter() - begun
    print(
        f"{output}: {summary.clips} clips ({summary.real} real, {summary.clips - summary.real} fake) of "
        f"{summary.identities} identities after {summary.photographs} photograph(s); "
        f"{summary.written} written in {seconds:.1f} s, {summary.clips - summary.written} were there already."
    )
    if summary.left_out:
        print(f"{len(summary.left_out)} photograph(s) left out:")
        print("\n".join(f"  {reason}" for reason in summary.left_out))
    print("Synthetic: for demos and tests, no basis for any claim.")
    return 0


def _components() -> dict[str, str]:
    """Every registered replica by the name of its corpus: ``celebdf`` for ``CelebDFReplica``."""
    return {name.removesuffix(_ENDING).lower(): name for name in catalog().names("replica")}


def _check_options(corpus: str, component: str, given: Mapping[str, Any]) -> None:
    """Refuse options that this corpus has no use for."""
    from zoo.config.checking import arguments_of
    from zoo.registry import REGISTRIES

    known, _, more = arguments_of(REGISTRIES["replica"].get(component))
    useless = [f"--{_option(name)}" for name in given if name not in known]
    if useless and not more:
        raise ConfigError(
            f"The replica of {corpus} has no {', '.join(useless)}.",
            where="--corpus",
            next_step=f"Leave it out; `zoo info {component}` shows what there is.",
        )


def _option(argument: str) -> str:
    return {"duration_s": "duration", "stretch_s": "stretch"}.get(argument, argument.replace("_", "-"))


def _parser(corpora: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="zoo make-replica", description=__doc__)
    parser.add_argument("--corpus", choices=sorted(corpora), default=_DEFAULT, help="whose layout to imitate")
    parser.add_argument(
        "--output", type=Path, required=True, help="folder to write; an interrupted replica is completed"
    )
    every = parser.add_argument_group("every corpus (what is left out is the corpus's own default)")
    every.add_argument("--identities", type=int, help="people")
    every.add_argument("--duration", dest="duration_s", type=float, metavar="SECONDS", help="length of a clip")
    every.add_argument("--seed", type=int, help="equal seeds give equal files")
    every.add_argument("--photos", type=Path, help="folder of portraits to vary as well")
    every.add_argument("--speech", type=Path, help="folder of WAV recordings, one subfolder a speaker")
    every.add_argument("--workers", type=int, help="processes; by default one a usable CPU, 0 for none")
    sound = parser.add_argument_group("fakeavceleb")
    sound.add_argument("--difficulty", help="easy, normal or hard")
    sound.add_argument("--clips", type=int, help="videos, half of them real")
    visual = parser.add_argument_group("all others")
    visual.add_argument(
        "--photo-share", type=_part, metavar="I/N", help="every N-th photograph: other shares have no face in common"
    )
    visual.add_argument(
        "--people-per-photo", type=int, metavar="N", help="invented after each photograph, in one split"
    )
    visual.add_argument("--takes", type=int, help="clips a person, where the corpus has several")
    visual.add_argument("--frame-size", type=_size, metavar="WIDTHxHEIGHT", help="pixels of the picture, as 1280x720")
    visual.add_argument("--head-size", type=int, metavar="PIXELS", help="height of head and shoulders")
    visual.add_argument("--keyframe-every", type=int, metavar="FRAMES", help="longest distance of two keyframes")
    visual.add_argument("--second-person", type=float, metavar="SHARE", help="of clips with somebody else beside")
    visual.add_argument("--absence", type=float, metavar="SHARE", help="of clips in which the head is away for a while")
    some = parser.add_argument_group("some of them")
    some.add_argument("--methods", nargs="+", help="faceforensics: manipulations")
    some.add_argument("--compressions", nargs="+", help="faceforensics, dfd: of raw, c23 and c40")
    some.add_argument("--parts", type=int, help="dfdc: folders for training")
    some.add_argument(
        "--stretch", dest="stretch_s", type=float, nargs=2, metavar="SECONDS", help="lavdf: least and most of one"
    )
    some.add_argument("--most-forged", type=float, metavar="SHARE", help="lavdf: of a clip, all stretches together")
    some.add_argument("--detail", type=int, metavar="ROWS", help="lavdf: of a face that is rendered whole")
    return parser


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    try:
        return int(width), int(height)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; give it as 1280x720") from None


def _part(text: str) -> tuple[int, int]:
    number, _, shares = text.partition("/")
    try:
        return int(number), int(shares)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no share; give it as 2/3") from None
