"""The table that figures of localization are computed from: one row a segment, proposed or true."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zoo.errors import DataError
from zoo.metrics.overlaps import Spans
from zoo.structures import ForgerySample

PROPOSAL: Final = "proposal"
TRUTH: Final = "truth"
UNKNOWN: Final = "unknown"
"""Role of the one row, without times, of a sample whose truth is not known: its proposals enter no figure."""

MODALITIES: Final = ("video", "audio")
SCHEMA: Final = pa.schema(
    [
        ("corpus", pa.string()),
        ("video_id", pa.string()),
        ("sample_id", pa.string()),
        ("role", pa.string()),
        ("start_s", pa.float64()),
        ("end_s", pa.float64()),
        ("score", pa.float64()),  # in [0, 1]; 1 for a truth
        ("modality", pa.string()),  # video, audio; null for both or unknown
    ]
)
_KEY: Final = ("corpus", "video_id", "sample_id")
_STEP: Final = "A segment is start_s < end_s in seconds, score in [0, 1], modality video, audio or nothing."


def segment_rows(samples: Sequence[ForgerySample]) -> pa.RecordBatch:
    """The segments of evaluated samples. One that could not be predicted (see its status) has no proposals."""
    rows = [{**row, **_key_of(sample)} for sample in samples for row in _rows_of(sample)]
    return pa.RecordBatch.from_pylist(rows, schema=SCHEMA)


def check_segments(table: pa.Table, *, where: object = None) -> pa.Table:
    """``table`` with the columns of `SCHEMA`, in order of corpus, video, sample, role, falling score and time.

    Raises:
        DataError: a column is missing or of a wrong type, an id is empty, or a row is no segment: reversed or without
            length, not finite, a score outside [0, 1], a role or modality that does not exist, or a time beside the
            role ``unknown``.
    """
    missing = [name for name in SCHEMA.names if name not in table.column_names]
    if missing:
        raise DataError(
            f"Columns are missing from the segments: {', '.join(missing)}.",
            where=where,
            next_step=f"A table of segments has the columns {', '.join(SCHEMA.names)}.",
        )
    try:
        checked = table.select(SCHEMA.names).cast(SCHEMA)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(f"The segments cannot be read: {str(error).splitlines()[0]}.", where=where) from error
    for name in (*_KEY, "role"):
        if checked[name].null_count:
            raise DataError(f"Column {name!r} has {checked[name].null_count} empty cells.", where=where)
    start, end, score = (checked[name].to_numpy() for name in ("start_s", "end_s", "score"))  # null becomes NaN
    timed = pc.not_equal(checked["role"], UNKNOWN).to_numpy()
    roles, kinds = pa.array([PROPOSAL, TRUTH, UNKNOWN]), pa.array([*MODALITIES, None], pa.string())
    faults = {
        "have a role that does not exist": ~pc.is_in(checked["role"], roles).to_numpy(),
        "do not end after they start": timed & ~(np.isfinite(start) & np.isfinite(end) & (start < end)),
        "have a score that is not in [0, 1]": timed & ~((score >= 0) & (score <= 1)),
        "have a modality that does not exist": ~pc.is_in(checked["modality"], kinds).to_numpy(),
        "have a time though the truth is unknown": ~timed & (np.isfinite(start) | np.isfinite(end)),
    }
    for fault, bad in faults.items():
        if bad.any():
            first = checked.slice(int(np.flatnonzero(bad)[0]), 1).to_pylist()[0]
            shown = ", ".join(f"{name} {first[name]!r}" for name in SCHEMA.names if name not in ("corpus", "video_id"))
            raise DataError(
                f"{int(bad.sum())} rows of segments {fault}; the first has {shown}.", where=where, next_step=_STEP
            )
    keys = [(name, "ascending") for name in (*_KEY, "role")]
    return checked.sort_by([*keys, ("score", "descending"), ("start_s", "ascending"), ("end_s", "ascending")])


def spans_of(table: pa.Table, *, modality: str | None = None) -> tuple[Spans, Spans]:
    """Proposals and truths of the videos whose truth is known, for `zoo.metrics.localization.localization`.

    Truths of a video that overlap, such as those of picture and sound, are joined to one.

    Args:
        table: as `check_segments` gives it.
        modality: take only segments of this one, beside those that are of both or do not tell.
    """
    names = [table[name].combine_chunks().dictionary_encode() for name in ("corpus", "video_id")]
    first, second = (column.indices.to_numpy().astype(np.int64) for column in names)
    _, video = np.unique(first * len(names[1].dictionary) + second, return_inverse=True)
    role = table["role"]
    unknown = video[pc.equal(role, UNKNOWN).to_numpy()]
    use = ~np.isin(video, unknown)
    if modality is not None:
        use &= pc.fill_null(pc.equal(table["modality"], modality), True).to_numpy()
    columns = [table[name].to_numpy() for name in ("start_s", "end_s", "score")]
    spans = []
    for kind in (PROPOSAL, TRUTH):
        rows = use & pc.equal(role, kind).to_numpy()
        spans.append(Spans.of(video[rows], *(column[rows] for column in columns)))
    return spans[0], spans[1].joined()


def _key_of(sample: ForgerySample) -> dict[str, str]:
    return {name: getattr(sample, name) for name in _KEY}


def _rows_of(sample: ForgerySample) -> Iterator[dict[str, Any]]:
    if sample.fake_segments is None:
        yield {"role": UNKNOWN}
    proposals = (sample.segments or []) if sample.status == "ok" else []
    for role, segments in ((TRUTH, sample.fake_segments or ()), (PROPOSAL, proposals)):
        for one in segments:
            yield {
                "role": role,
                "start_s": one.start_s,
                "end_s": one.end_s,
                "score": one.score,
                "modality": one.modality,
            }
