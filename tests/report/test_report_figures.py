"""Parts of the report's pictures: curves thinned, averaged, and laid along time."""

import numpy as np
import pyarrow as pa
import pytest

from zoo.metrics.ranking import rank
from zoo.metrics.table import SCHEMA, by_video
from zoo.report.figures import FAKE, draw, thin
from zoo.report.timelines import chosen, timeline
from zoo.report.training import averaged


def test_thinning_keeps_ends_and_area():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 100_000)
    ranking = rank(np.clip(rng.normal(0.4 + 0.2 * labels, 0.15), 0, 1), labels)
    fpr, tpr, _ = ranking.roc()
    x, y = thin(fpr, tpr)
    assert len(x) < 3000 < len(fpr)
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(y, x) == pytest.approx(ranking.auc(), abs=2e-3)


def test_averaging_keeps_short_curves_and_the_mean_of_long_ones():
    steps, values = averaged({1: 3.0, 2: 5.0})
    assert (steps.tolist(), values.tolist()) == ([1, 2], [3, 5])
    steps, values = averaged({step: float(step % 7) for step in range(1, 8001)})
    assert len(steps) == len(values) == 400
    assert steps[-1] == 8000
    assert values.mean() == pytest.approx(np.mean([step % 7 for step in range(1, 8001)]))


def test_drawings_take_the_colours_of_the_page_and_escape_their_label():
    svg = draw(lambda axes: axes.plot([0, 1], [0, 1], color=FAKE), label='a "b" <c>')
    assert svg.startswith('<svg viewBox="0 0 ')
    assert 'aria-label="a &quot;b&quot; &lt;c&gt;"' in svg
    assert "stroke: var(--fake)" in svg
    assert "font-family" not in svg
    assert "xmlns" not in svg


def sample(start, end, score=0.5, frames=None):
    return {"start_s": start, "end_s": end, "score": score, "timeline": frames}


def test_frame_scores_spread_evenly_over_the_sample():
    line = timeline([sample(2.0, 4.0, frames=[0.1, 0.2, 0.3, 0.4]), sample(0.0, 2.0, frames=[0.9, float("nan")])])
    np.testing.assert_allclose(line.times, [0.5, 1.5, np.nan, 2.25, 2.75, 3.25, 3.75])
    np.testing.assert_allclose(line.scores, [0.9, np.nan, np.nan, 0.1, 0.2, 0.3, 0.4])
    assert line.unit == "s"


def test_samples_without_frame_scores_are_steps_and_without_times_frames():
    steps = timeline([sample(0.0, 1.0, 0.2), sample(1.0, 3.0, 0.8)])
    np.testing.assert_allclose(steps.times, [0, 1, np.nan, 1, 3])
    np.testing.assert_allclose(steps.scores, [0.2, 0.2, np.nan, 0.8, 0.8])
    frames = timeline([sample(None, None, frames=[0.1, 0.9])])
    assert (frames.times.tolist(), frames.unit) == ([0, 1], "frame")
    assert timeline([sample(None, None)]) is None
    assert timeline([sample(None, None, frames=[0.1])] * 2) is None


def test_lowest_median_and_highest_of_each_class_are_chosen():
    values = [(f"{i}", f"v{i}", "c", ("r", "m")[i % 2], i % 2, i / 10, None, None, "ok") for i in range(10)]
    rows = [dict(zip(SCHEMA.names, row, strict=True)) for row in values]
    videos = by_video(pa.Table.from_pylist(rows, schema=SCHEMA))
    assert [row["video_id"] for row in chosen(videos)] == ["v1", "v5", "v9", "v0", "v4", "v8"]
    assert [row["video_id"] for row in chosen(videos.slice(0, 1))] == ["v0"]
