"""The report's section on localization: figures out of the saved segments, timelines, pages without them."""

import re

import pyarrow as pa
import pytest
from test_report_build import Outline

from zoo.metrics.segment_table import SCHEMA, check_segments
from zoo.metrics.table import SCHEMA as PREDICTIONS
from zoo.metrics.table import TIMELINE
from zoo.predictions import write_predictions
from zoo.report.build import write_report
from zoo.report.localization import chosen_videos
from zoo.report.run import read_run
from zoo.segments import write_segments


def segments(*, modality=None):
    rows = []
    for index in range(4):
        video = f"lavdf/<fake>/{index}"
        rows.append(("toy", video, f"{video}#0", "truth", 1.0, 1.0 + 0.4 * (index + 1), 1.0, modality))
        rows.append(("toy", video, f"{video}#0", "proposal", 1.0, 1.0 + 0.3 * (index + 1), 0.9 - 0.1 * index, modality))
    rows.append(("toy", "lavdf/real/0", "lavdf/real/0#0", "proposal", 2.0, 2.5, 0.3, None))
    rows.append(("toy", "lavdf/real/1", "lavdf/real/1#0", "proposal", 2.0, 2.5, 0.2, None))
    rows.append(("toy", "strange", "strange#0", "unknown", None, None, None, None))
    return check_segments(pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], SCHEMA))


def predictions():
    rows = []
    for video in ["lavdf/real/0", "lavdf/real/1", "strange", *(f"lavdf/<fake>/{index}" for index in range(4))]:
        fake = "fake" in video
        values = (f"{video}#0", video, "toy", "swap" if fake else "real", int(fake), 0.4 + 0.3 * fake, 0.0, 4.0, "ok")
        rows.append(dict(zip(PREDICTIONS.names, values, strict=True)) | {"timeline": [0.1, 0.9, 0.2]})
    return pa.Table.from_pylist(rows, schema=PREDICTIONS.append(TIMELINE))


def page_of(folder, **options):
    write_predictions(folder / "predictions.parquet", predictions())
    write_segments(folder / "segments.parquet", segments(**options))
    return write_report(folder).read_text()


def section_of(page):
    return page[page.index('id="localization"') :].split("</section>")[0]


def test_figures_and_timelines(tmp_path):
    page = page_of(tmp_path)
    outline = Outline(page)
    assert outline.headings.index("Localization") < outline.headings.index("Score timelines")
    section = section_of(page)
    text = " ".join(re.sub(r"<[^>]+>", " ", section).split())
    for words in (
        "AP at 0.50 1.000",  # every truth is overlapped by three quarters
        "AP at 0.75 1.000",
        "AP at 0.90 0.000",
        "true segments 4 4",
        "proposals 6 6",
        "0 to 0.5 s 1 1.000 1.000 0.000",
        "1 to 2 s 2",
        "Not in these figures: 1 videos",
        "genuine, highest proposal 0.30",
        "fake, tIoU 0.75",
    ):
        assert words in text, (words, text)
    assert section.count("<svg") == 1 + 4
    assert "<script" not in page and "&lt;fake&gt;" in section and "<fake>" not in section
    for name in ("var(--fake)", "var(--accent)", "var(--ink)"):
        assert name in section
    assert not re.search(r"#0102\d\d", section)


def test_modalities_have_columns_and_curves(tmp_path):
    section = section_of(page_of(tmp_path, modality="audio"))
    assert "corrected, audio" in section and "reference, audio" in section and "corrected, video" not in section


def test_a_run_without_segments_has_no_such_section(tmp_path):
    write_predictions(tmp_path / "predictions.parquet", predictions())
    assert "Localization" not in Outline(write_report(tmp_path).read_text()).headings


def test_without_truth_there_are_figures_of_nothing(tmp_path):
    write_predictions(tmp_path / "predictions.parquet", predictions())
    rows = segments()
    write_segments(tmp_path / "segments.parquet", rows.filter(pa.compute.equal(rows["role"], "proposal")))
    section = section_of(write_report(tmp_path).read_text())
    assert section.count("<svg") == 1 and "–" in section  # the genuine-looking one with the surest proposal


def test_segments_lie_beside_predictions_of_any_name(tmp_path):
    write_predictions(tmp_path / "other.parquet", predictions())
    write_segments(tmp_path / "other.segments.parquet", segments())
    assert read_run(tmp_path, predictions=tmp_path / "other.parquet").segments.num_rows == segments().num_rows


def test_which_videos_are_shown():
    chosen = chosen_videos(segments())
    assert [kind.split(",")[0] for _, _, kind in chosen] == ["fake", "fake", "fake", "genuine"]
    assert chosen[-1][1] == "lavdf/real/0"
    assert len({video for _, video, _ in chosen}) == 4
    assert chosen_videos(segments().slice(0, 0)) == []


@pytest.mark.parametrize("count", [1, 2, 10])
def test_no_video_is_shown_twice(count):
    chosen = chosen_videos(segments(), count=count)
    assert len(chosen) == len(set(chosen)) == min(count, 4) + 1
