"""``zoo doctor data PATH``: what a corpus is, what is in it, what is broken, and how long it will take.

Exit codes: 0 sound, 3 some files are missing or broken, 1 not recognised or nothing usable, 2 wrong arguments.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zoo.cli._corpus_arguments import add_corpus_arguments
from zoo.errors import DataError

if TYPE_CHECKING:
    from zoo.datasets.checkup import Checkup, Range

SOUND: Final = 0
UNUSABLE: Final = 1
SOME_BAD: Final = 3
_NAMED: Final = 10  # how many broken files, and resolutions, are printed


def main(argv: Sequence[str] | None = None) -> int:
    """Check the corpus that ``argv`` names, print what was found, and return the exit code."""
    options = _parser().parse_args(argv)
    from zoo.datasets.checkup import check_corpus
    from zoo.datasets.corpora.reading import find_corpus, read_corpus, what_is_looked_for
    from zoo.jobs.progress import show_progress

    name = None
    try:
        name = find_corpus(options.path, options.corpus)
        read = read_corpus(
            options.path,
            corpus=name,
            options=options.corpus_options,
            split_ratio=options.split_ratio,
            seed=options.seed,
            max_skipped=1.0,
        )
    except DataError as error:
        looked_for = {} if name else {key: list(patterns) for key, patterns in what_is_looked_for().items()}
        return _refuse(error, options, name, looked_for)
    with show_progress("Opening files", stream=sys.stderr) as on_progress:
        checkup = check_corpus(
            read,
            options.path,
            sample=options.sample,
            seed=options.seed,
            workers=options.num_workers,
            on_progress=on_progress,
        )
    code = UNUSABLE if not checkup.usable else SOUND if checkup.sound else SOME_BAD
    if options.json:
        print(json.dumps({"path": str(options.path), "exit_code": code, **checkup.to_dict()}, indent=2))
    else:
        _print_checkup(checkup, options.path)
    return code


def _refuse(
    error: DataError, options: argparse.Namespace, name: str | None, looked_for: Mapping[str, list[str]]
) -> int:
    if options.json:
        facts = {"path": str(options.path), "exit_code": UNUSABLE, "corpus": name}
        print(json.dumps({**facts, "error": str(error), "looked_for": looked_for}, indent=2))
    else:
        print(f"unusable: {f'{name}: ' if name else ''}{error}")
    return UNUSABLE


def _print_checkup(checkup: Checkup, path: Path) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)

    def say(text: str) -> None:
        console.print(escape(text))

    say(f"{path}: {checkup.corpus}, {checkup.videos:,} videos")
    console.print(_table(checkup))
    if checkup.unlabelled:
        say(f"without a label: {checkup.unlabelled:,}")
    if checkup.repeated:
        say(f"rows that list a file again: {checkup.repeated:,}")
    for reason, count in checkup.excluded.items():
        say(f"left out: {count:,} ({reason})")
    for name, reason in _some(checkup.skipped.items()):
        say(f"cannot be used: {name}: {reason}")
    if len(checkup.skipped) > _NAMED:
        say(f"cannot be used: {len(checkup.skipped) - _NAMED:,} more")
    part = "all" if checkup.opened == checkup.videos else f"a random sample, {checkup.opened / checkup.videos:.1%}"
    say(f"opened {checkup.opened:,} files ({part}): {len(checkup.faults):,} broken")
    for fault in _some(checkup.faults):
        say(f"broken: {fault.video_id}: {fault.status}: {fault.reason.splitlines()[0]}")
    if len(checkup.faults) > _NAMED:
        say(f"broken: {len(checkup.faults) - _NAMED:,} more")
    _print_figures(checkup, say)


def _print_figures(checkup: Checkup, say: Any) -> None:
    if checkup.duration_s:
        say(f"duration    {_shown(checkup.duration_s, 's')}")
    if checkup.fps:
        say(f"frame rate  {_shown(checkup.fps, 'fps')}")
    if checkup.sizes:
        common = sorted(checkup.sizes.items(), key=lambda item: (-item[1], item[0]))
        more = f" and {len(common) - _NAMED} more" if len(common) > _NAMED else ""
        say("resolution  " + ", ".join(f"{size} ({count:,})" for size, count in common[:_NAMED]) + more)
    if videos := checkup.kinds.get("video", 0):
        say(f"sound       in {checkup.with_audio:,} of {videos:,}")
    say(f"disk        {_bytes(checkup.corpus_bytes)} of data, {_bytes(checkup.free_bytes)} free")
    if checkup.estimate_s is not None and checkup.decode_s is not None:
        from zoo.datasets.inspection import FRAMES

        what = f"{FRAMES} frames of each video" if checkup.kinds.get("video") else "each picture"
        say(
            f"estimate    {_time(checkup.estimate_s)} to decode {what} with {checkup.workers} workers, judged by "
            f"{checkup.measured} files ({checkup.decode_s:.3f} s each); face detection comes on top"
        )


def _table(checkup: Checkup) -> Any:
    from rich.markup import escape
    from rich.table import Table

    from zoo.datasets.checkup import sorted_counts

    table = Table("split", "class", "method")
    table.add_column("videos", justify="right")
    for (split, label, method), count in sorted_counts(checkup.counts):
        table.add_row(split or "-", label, escape(method), f"{count:,}")
    return table


def _some(items: Any) -> list:
    return list(items)[:_NAMED]


def _shown(values: Range, unit: str) -> str:
    return f"{values.least:.2f} to {values.most:.2f} {unit}, median {values.median:.2f}"


def _bytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _time(seconds: float) -> str:
    return (
        f"{seconds / 3600:.1f} h"
        if seconds >= 3600
        else f"{seconds / 60:.1f} min"
        if seconds >= 60
        else f"{seconds:.1f} s"
    )


def _positive(text: str) -> int:
    if (count := int(text)) < 1:
        raise ValueError(text)
    return count


_positive.__name__ = "number above 0"  # argparse names the type in its error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="zoo doctor data", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("path", type=Path, help="a corpus as downloaded, a folder of videos or pictures, or one video")
    add_corpus_arguments(parser)
    add("--sample", type=_positive, metavar="N", help="open N files at random; by default all, or 2,000 of more")
    add("--num-workers", type=int, help="processes; by default one a CPU, 0 for none")
    add("--json", action="store_true", help="print one object for programs")
    return parser
