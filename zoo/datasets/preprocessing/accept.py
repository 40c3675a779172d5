"""Which videos of a list can be preprocessed: those whose crops have a name and a place of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from zoo.datasets.preprocessing.crop_job import crop_folder
from zoo.errors import DataError
from zoo.jobs.task import Failure
from zoo.structures import VideoRecord


def printable(text: str) -> str:
    """``text`` with what no file can hold as text (bytes of a name that are no UTF-8) written out as ``\\udcff``."""
    return text.encode(errors="backslashreplace").decode()


def accept(records: Iterable[VideoRecord]) -> tuple[dict[str, VideoRecord], list[Failure]]:
    """Records by id, without those whose crops would have no place of their own or no name, which are failures.

    Raises:
        DataError: two records have one id.
    """
    by_id: dict[str, VideoRecord] = {}
    places: list[tuple[tuple[str, ...], str]] = []
    failed: dict[str, str] = {}
    for record in records:
        if (other := by_id.get(record.video_id)) is not None:
            raise DataError(
                f"Two videos have the id {printable(record.video_id)!r}.",
                where=printable(f"{other.path} and {record.path}"),
                next_step="Ids are unique in a corpus; mend its reader, or rename one file.",
            )
        by_id[record.video_id] = record
        try:
            places.append((crop_folder(record).parts, record.video_id))
            "".join(_texts(record)).encode()
        except DataError as error:
            failed[record.video_id] = printable(str(error))
        except UnicodeEncodeError:
            failed[record.video_id] = "Its name is no UTF-8 text. Rename the file or folder."
    before: tuple[tuple[str, ...], str] = (("",), "")
    for place in sorted(places):  # what lies within a folder follows it
        if place[0][: len(before[0])] == before[0]:
            failed.setdefault(place[1], printable(f"Its crops would lie among those of {before[1]}. Rename one."))
        else:
            before = place
    failures = [Failure(key=printable(key), status="bad_id", reason=reason) for key, reason in failed.items()]
    return {key: record for key, record in by_id.items() if key not in failed}, failures


def _texts(record: VideoRecord) -> Iterator[str]:
    yield from (record.video_id, record.corpus, record.method, record.split or "", record.original or "")
    yield from record.identities
    yield from record.source_videos
