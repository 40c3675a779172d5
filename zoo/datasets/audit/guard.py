"""The guard at the start of training: leaks between splits are refused, or asked for by name."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from zoo.datasets.audit.leaks import audit, audit_settings
from zoo.datasets.audit.report import LeakReport
from zoo.datasets.manifest import manifest_path
from zoo.errors import DataError, WorkDirError
from zoo.files import sha256_of, write_json

_LOGGER: Final = logging.getLogger(__name__)
_SUFFIX: Final = ".audit.json"
_NAMED: Final = 3


def require_clean(
    manifests: Sequence[str | os.PathLike],
    *,
    allow_leaks: bool,
    where: object = None,
    persons_path: str | os.PathLike | None = None,
) -> LeakReport:
    """The audit of ``manifests``, if nothing crosses their splits or ``allow_leaks`` is set, which is then logged.

    The audit is saved beside the first manifest (``manifest.audit.json``) and taken from there as long as it was made
    of manifests with these very bytes, by the same rules: the digests of all manifests and the rules are compared each
    time, which takes what it takes to read the files once. Where the folder cannot be written, it is made each time.
    The report's ``split_hash`` names the split as a whole.

    Args:
        manifests: all that one training reads, for training and for validation: see `audit`.
        allow_leaks: train all the same.
        where: what an error points at, such as the config.
        persons_path: see `audit`.

    Raises:
        DataError: something crosses and ``allow_leaks`` is not set, or the manifests cannot be audited.
    """
    report = saved_audit(manifests, persons_path=persons_path)
    if report is None:
        report = audit(manifests, persons_path=persons_path)
        save_audit(report)
    if report.unknown_split:
        some = ", ".join(report.unknown_examples[:_NAMED])
        _LOGGER.warning("%d videos are in no split and were not audited: %s ...", report.unknown_split, some)
    if report.clean:
        return report
    worst = "; ".join(
        f"{example.name} ({leak.splits[0]}: {example.first[0]}, {leak.splits[1]}: {example.second[0]})"
        for leak in report.leaks
        for example in leak.examples[:1]
    )
    found = f"The splits leak: {report.summary()}. For example {worst}."
    if allow_leaks:
        _LOGGER.warning("%s Training goes on, as allow_leaks says; figures on these splits are too good.", found)
        return report
    paths = " ".join(facts.path for facts in report.manifests)
    raise DataError(
        found,
        where=paths if where is None else where,
        next_step=f"See all of it: zoo audit {paths}. Then preprocess with a split that keeps people and sources apart "
        "(the split options of the corpus), drop what crosses, or set allow_leaks = True for the training dataset.",
    )


def saved_audit(
    manifests: Sequence[str | os.PathLike], *, persons_path: str | os.PathLike | None = None
) -> LeakReport | None:
    """The audit by the rules of today that is saved for these very bytes of ``manifests``; None if there is none."""
    paths = [manifest_path(path) for path in manifests]
    try:
        report = LeakReport.from_json(json.loads(_place(paths[0]).read_text(encoding="utf-8")))
        digests = [sha256_of(path) for path in paths]
        settings = audit_settings(persons_path=persons_path)
    except (OSError, ValueError, IndexError, DataError):  # absent, torn, or of another version: audited anew
        return None
    same = [facts.sha256 for facts in report.manifests] == digests and dict(report.settings) == settings
    return report if same else None


def save_audit(report: LeakReport) -> None:
    """Keep ``report`` beside the first of its manifests, where `saved_audit` finds it, if that can be written."""
    with suppress(WorkDirError):
        write_json(_place(Path(report.manifests[0].path)), report.to_json())


def _place(manifest: Path) -> Path:
    return manifest.with_suffix(_SUFFIX)
