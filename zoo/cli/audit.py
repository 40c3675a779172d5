"""``zoo audit MANIFEST...``: what crosses the splits of crop manifests, within and across corpora.

Exit codes: 0 nothing crosses; 2 the manifests cannot be audited; 3 leaks were found.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import Console

    from zoo.datasets.audit.report import Example, LeakReport

LEAKS: Final = 3


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="zoo audit", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("manifests", nargs="+", metavar="MANIFEST", help="a manifest.parquet or the folder that has it")
    parser.add_argument("--json", metavar="OUT", help="also write the report as JSON")
    parser.add_argument(
        "--max-distance",
        type=int,
        default=4,
        metavar="BITS",
        help="crops whose 64-bit perceptual hashes differ in at most so many bits are near duplicates, 0 to 8 "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--min-share",
        type=float,
        default=0.25,
        metavar="SHARE",
        help="pairs of near-duplicate crops that make two videos duplicates, as a share of the crops of the one with "
        "fewer; 0 counts every pair, chance among them (default: %(default)s)",
    )
    parser.add_argument(
        "--identities", metavar="FILE", help='who is who across corpora: JSON {"corpus": {"identity": "person"}}'
    )
    parser.add_argument(
        "--examples",
        type=int,
        default=5,
        metavar="N",
        help="named of each kind and pair of splits (default: %(default)s)",
    )
    options = parser.parse_args(argv)

    from rich.console import Console

    from zoo.datasets.audit.guard import save_audit
    from zoo.datasets.audit.leaks import audit
    from zoo.files import write_json

    report = audit(
        options.manifests,
        max_distance=options.max_distance,
        min_share=options.min_share,
        examples=max(1, options.examples),
        persons_path=options.identities,
    )
    save_audit(report)
    if options.json:
        write_json(options.json, report.to_json())
    _show(Console(), report)
    return 0 if report.clean else LEAKS


def _show(console: Console, report: LeakReport) -> None:
    """Print the counts as a table, the examples below it, and what was not judged."""
    from rich.table import Table

    from zoo.datasets.audit.report import KINDS

    def say(text: str, style: str | None = None) -> None:
        console.print(text, markup=False, highlight=False, style=style, soft_wrap=True)

    crops = sum(facts.crops for facts in report.manifests)
    videos = ", ".join(f"{count:,} {split}" for split, count in report.videos.items())
    say(f"{len(report.manifests)} manifest(s), {crops:,} crops; videos: {videos or 'none in a split'}")
    if report.leaks:
        table = Table("crosses", "splits", "count", "videos")
        for column in table.columns[2:]:
            column.justify = "right"
        for leak in report.leaks:
            table.add_row(KINDS[leak.kind], " / ".join(leak.splits), f"{leak.count:,}", f"{leak.videos:,}")
        console.print(table)
        for leak in report.leaks:
            say(f"{KINDS[leak.kind]}, {' / '.join(leak.splits)}:")
            for example in leak.examples:
                say(f"  {_line(example, leak.splits)}")
    if report.unknown_split:
        some = ", ".join(report.unknown_examples)
        say(f"not judged: {report.unknown_split:,} videos in no split, such as {some}", "yellow")
    if report.flat_crops or report.common_hashes:
        say(
            f"not compared: {report.flat_crops:,} crops without structure, and {report.common_crops:,} crops with one "
            f"of {report.common_hashes:,} hashes that many unrelated videos share"
        )
    if report.resembling:
        some = ", ".join(report.resembling_examples)
        say(f"not counted: {report.resembling:,} pairs of videos that look alike in few frames, such as {some}")
    if not report.complete:
        say("near duplicates: there were too many candidates to compare all; the counts are too low", "yellow")
    say("clean: nothing crosses" if report.clean else f"leaks: {report.summary()}", "green" if report.clean else "red")


def _line(example: Example, splits: tuple[str, str]) -> str:
    if example.frames is not None:
        tied = " (share a source)" if example.explained else ""
        return f"{example.name}: {example.frames:,} alike pairs of frames, nearest {example.distance} bits{tied}"
    sides = zip(splits, (example.first, example.second), (example.n_first, example.n_second), strict=True)
    return f"{example.name}: " + "; ".join(
        f"{split}: {', '.join(names)}{f' and {count - len(names)} more' if count > len(names) else ''}"
        for split, names, count in sides
    )
