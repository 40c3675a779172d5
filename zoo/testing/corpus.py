"""What a corpus reader promises: sound records of a tree as downloaded, and nothing of a tree that is another's."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from zoo.datasets.corpora.reading import find_corpus
from zoo.datasets.splits import SPLITS
from zoo.errors import DataError
from zoo.structures import FAKE, REAL
from zoo.testing.case import Case, ContractBroken, expect, run_checks
from zoo.testing.component import keep_promises

CorpusCheck = Callable[[Case, Path], None]


def check_corpus(component: str | type, config: Mapping[str, Any] | None = None, *, root: str | os.PathLike) -> None:
    """The contract of a corpus reader, over a small tree that it reads.

    Args:
        component: a registered name, or a class.
        config: arguments in plain values.
        root: a whole tree in the corpus's layout with videos (empty of content or not) of both classes. It is copied.

    Raises:
        ContractBroken: it breaks a promise.
    """
    case = Case(kind="corpus", component=component, config=config or {})
    keep_promises(case)
    for check in CHECKS:
        run_checks(case, (_over(check, Path(root)),))


def _over(check: CorpusCheck, root: Path) -> Callable[[Case], None]:
    def checked(case: Case) -> None:
        check(case, root)

    checked.__doc__ = check.__doc__
    return checked


def records_are_sound(case: Case, root: Path) -> None:
    """Records are sorted, unique, labelled and of files that exist; a second reading gives the same."""
    reader = case.make()
    scan = reader.scan(root)
    expect(not scan.skipped, f"files are skipped: {dict(scan.skipped)}")
    ids = [record.video_id for record in scan.records]
    expect(ids == sorted(set(ids)), "the records are not sorted by video_id, or one occurs twice")
    labels = {record.label for record in scan.records}
    expect({REAL, FAKE} <= labels <= {REAL, FAKE, -1}, f"the labels are {sorted(labels)}")
    for record in scan.records:
        who = record.video_id
        expect(who.startswith(f"{reader.name}/") and record.corpus == reader.name, f"{who} is not of {reader.name!r}")
        expect(Path(record.path).is_file(), f"{who}: no file {record.path}")
        expect(Path(record.path).is_relative_to(root), f"{who}: {record.path} lies outside the tree")
        expect(record.split in (*SPLITS, None), f"{who}: no split is called {record.split!r}")
        expect(record.original is None or record.original in record.source_videos, f"{who}: original is no source")
        if record.label == REAL:
            whole = not record.video_fake and not record.audio_fake and not record.fake_segments
            expect(record.method == "real" and whole and record.original is None, f"{who} is real, and partly fake")
        if record.label == FAKE:
            told = record.video_fake or record.audio_fake or record.video_fake is None
            expect(record.method != "real" and told, f"{who} is fake, and nothing of it is")
    expect(scan == case.make().scan(root), "a second reading gives something else")


def the_tree_is_recognised(case: Case, root: Path) -> None:
    """The tree is recognised as this corpus, and as no other."""
    if isinstance(case.component, str):
        found = find_corpus(root)
        expect(found == case.component, f"the tree is taken for {found}")
        expect(find_corpus(root, case.component.lower()) == case.component, "it is not found by its name")
    expect(case.target.recognise(root) is not None, "the tree is not recognised")


def an_unknown_tree_is_one_clear_error(case: Case, root: Path) -> None:
    """A tree of something else, or none, is a `DataError` that lists what was looked for."""
    reader = case.make()
    with tempfile.TemporaryDirectory(prefix="zoo-corpus-") as folder:
        (Path(folder) / "some folder").mkdir()
        for path, told in ((folder, "not recognised"), (f"{folder}/nowhere", "does not exist")):
            try:
                reader.read(path)
            except DataError as error:
                expect(told in str(error), f"the error does not say {told!r}: {error}")
                absent = [pattern for pattern in reader.looked_for if pattern not in str(error)]
                expect(not absent, f"the error does not list {absent}")
            else:
                raise ContractBroken(f"{path} is read without an error")


def loops_and_foreign_files_change_nothing(case: Case, root: Path) -> None:
    """Links in a circle, hidden files, notes, spaces and letters of any script change nothing."""
    with _copied(root) as copy:
        reader = case.make()
        before = reader.scan(copy)
        for folder in [copy, *sorted(path for path in copy.rglob("*") if path.is_dir())]:
            (folder / "loop").symlink_to(copy, target_is_directory=True)
            (folder / ".hidden.mp4").write_bytes(b"x")
            (folder / "zoo-notes.txt").write_bytes(b"x")
        expect(reader.scan(copy) == before, "they do")


def nobody_crosses_a_split(case: Case, root: Path) -> None:
    """People, sources and originals lie in one split each; for corpora whose splits are computed."""
    seen: dict[str, set[str | None]] = {}
    for record in case.make().scan(root).records:
        for tie in {record.video_id, record.original or record.video_id} | record.identities | record.source_videos:
            seen.setdefault(tie, set()).add(record.split)
    crossing = sorted(tie for tie, splits in seen.items() if len(splits) > 1)
    expect(not crossing, f"these lie in several splits: {', '.join(crossing[:5])}")


@contextmanager
def _copied(root: Path):
    with tempfile.TemporaryDirectory(prefix="zoo-corpus-") as folder:
        copy = Path(folder) / "Ünïcode and spaces"
        shutil.copytree(root, copy, symlinks=True)
        yield copy


CHECKS: Final[tuple[CorpusCheck, ...]] = (
    records_are_sound,
    the_tree_is_recognised,
    an_unknown_tree_is_one_clear_error,
    loops_and_foreign_files_change_nothing,
)
"""For every reader; `nobody_crosses_a_split` besides, for those that compute their splits."""
