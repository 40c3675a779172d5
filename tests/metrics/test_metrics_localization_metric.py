"""The metric of a localizing run: segments and frames, unknown truths, modalities, ranks."""

import dataclasses
import math

import numpy as np
import pytest
import torch.multiprocessing as mp

from zoo._compat import end_process
from zoo.errors import ConfigError, DataError
from zoo.metrics.localization_metric import LocalizationMetric, frames_of
from zoo.metrics.segment_table import SCHEMA
from zoo.structures import ForgerySample, Segment


def sample(index, *, truth=(), proposals=(), **more):
    values = {"sample_id": f"v{index:03d}#0-100", "video_id": f"v{index:03d}", "corpus": "toy", "method": "lavdf"}
    return ForgerySample(
        **values
        | {
            "label": int(bool(truth)),
            "start_s": 0.0,
            "end_s": 4.0,
            "fake_segments": None if truth is None else tuple(Segment(*one) for one in truth),
            "segments": [Segment(*one) for one in proposals],
        }
        | more
    )


def samples(n, seed=0):
    rng = np.random.default_rng(seed)
    made = []
    for index in range(n):
        start = float(rng.uniform(0, 2))
        truth = [(start, start + 1.0)] if index % 3 else []
        proposals = [(start + 0.1, start + 1.0, 0.5 + float(rng.random()) / 2), (3.0, 3.5, float(rng.random()))]
        made.append(sample(index, truth=truth, proposals=proposals, frame_logits=rng.normal(size=40).tolist()))
    return made


def run(metric, batch, *, batch_size=4):
    for start in range(0, len(batch), batch_size):
        metric.process(None, batch[start : start + batch_size])
    return metric.evaluate(len(batch))


def test_it_is_built_by_name_and_gives_flat_figures():
    from zoo.registry import build  # here, so that spawned ranks need not load it

    metric = build("metric", {"type": "LocalizationMetric"})
    figures = run(metric, samples(12))
    wanted = {"map", "ap@0.5", "ap@0.75", "ap@0.9", "ap@0.95", "ar@5", "ar@10", "ar@20", "ar@30", "ar@50", "ar@100"}
    assert set(figures) == {f"localization/{name}" for name in wanted | {"frame_auc", "frame_f1"}}
    assert figures["localization/ap@0.5"] == metric.summary["corrected"]["all"]["ap"]["0.50"] > 0.4
    assert figures["localization/ap@0.95"] == 0.0  # the proposals are a tenth too short
    assert metric.segments.schema == SCHEMA
    assert metric.segments["role"].to_pylist().count("truth") == 8


def test_both_modes_are_kept_and_one_is_logged():
    perfect = [sample(0, truth=[(1, 2)], proposals=[(1, 2, 0.9)])]
    assert run(LocalizationMetric(), perfect)["localization/map"] == 1.0
    metric = LocalizationMetric(mode="reference")
    assert run(metric, perfect)["localization/map"] == 0.0
    assert metric.summary["corrected"]["all"]["mean_ap"] == 1.0
    with pytest.raises(ConfigError, match="Unknown mode 'paper'"):
        LocalizationMetric(mode="paper")


def test_a_sample_of_unknown_truth_enters_no_figure():
    known = [sample(0, truth=[(1, 2)], proposals=[(1, 2, 0.5)])]
    strange = sample(1, truth=None, proposals=[(0, 1, 0.9)], frame_logits=[1.0])
    metric = LocalizationMetric()
    assert run(metric, [*known, strange])["localization/map"] == 1.0
    assert metric.summary["videos_without_truth"] == 1
    assert metric.summary["frames"] is None
    assert run(metric, [*known, dataclasses.replace(strange, fake_segments=())])["localization/map"] == 0.5


def test_a_sample_that_failed_is_missed():
    ok = sample(0, truth=[(1, 2)], proposals=[(1, 2, 0.5)])
    failed = sample(1, truth=[(1, 2)], proposals=[(1, 2, 0.9)], status="no_face", frame_logits=[1.0])
    figures = run(LocalizationMetric(), [ok, failed])
    assert figures["localization/ar@5"] == 0.5 and figures["localization/ap@0.5"] == 0.5
    silent = sample(2, truth=[(1, 2)], segments=None)
    assert run(LocalizationMetric(), [silent])["localization/ap@0.5"] == 0.0


def test_modalities_are_told_apart():
    truth = [(0, 1, 1.0, "audio"), (0.1, 1, 1.0, "video"), (2, 3, 1.0, None)]
    proposals = [(0, 1, 0.9, "audio"), (2, 3, 0.8, None)]
    metric = LocalizationMetric()
    figures = run(metric, [sample(0, truth=truth, proposals=proposals)])
    assert figures["localization/ap@0.5"] == 1.0  # what is fake in picture and sound is one segment
    assert figures["localization/audio_ap@0.95"] == 1.0
    assert figures["localization/video_ap@0.95"] == 0.5  # the video's own segment is missed
    assert metric.summary["corrected"]["video"]["truths"] == 2


def test_windows_of_a_video_are_one_video():
    first = sample(0, truth=[(1, 2)], proposals=[(1, 2, 0.9)])
    second = dataclasses.replace(first, sample_id="v000#100-200", segments=[Segment(5, 6, 0.4)])
    metric = LocalizationMetric()
    figures = run(metric, [first, second])
    assert metric.summary["corrected"]["all"]["truths"] == 1
    assert figures["localization/ap@0.5"] == 1.0


def test_lengths_of_true_segments():
    truth = [(0, 0.4), (1, 1.7), (3, 6), (7, 8.5)]
    proposals = [(0, 0.4, 0.9), (1, 1.6, 0.8), (3, 6, 0.7)]
    metric = LocalizationMetric()
    run(metric, [sample(0, truth=truth, proposals=proposals)])
    rows = metric.summary["lengths"]
    assert [(row["from_s"], row["to_s"], row["truths"]) for row in rows] == [
        (0.0, 0.5, 1),
        (0.5, 1.0, 1),
        (1.0, 2.0, 1),
        (2.0, None, 1),
    ]
    assert [row["found"] for row in rows] == [
        {"0.50": 1.0, "0.75": 1.0, "0.90": 1.0},
        {"0.50": 1.0, "0.75": 1.0, "0.90": 0.0},
        {"0.50": 0.0, "0.75": 0.0, "0.90": 0.0},
        {"0.50": 1.0, "0.75": 1.0, "0.90": 1.0},
    ]


def test_frames_by_their_own_labels_and_by_time():
    logits = [-9.0, 9.0, math.nan, 9.0]
    by_time = sample(0, truth=[(1, 2)], frame_logits=logits)
    scores, labels = frames_of(by_time)
    assert labels.tolist() == [0, 1, 0] and scores.round().tolist() == [0, 1, 1]
    own = dataclasses.replace(by_time, extra={"frame_labels": np.array([0, 1, 1, -1, -1], np.int8)})
    assert frames_of(own)[1].tolist() == [0, 1]
    figures = run(LocalizationMetric(), [by_time])
    assert figures["localization/frame_auc"] == 0.75
    assert figures["localization/frame_f1"] == pytest.approx(2 / 3)


def test_nothing_at_all():
    assert math.isnan(LocalizationMetric().evaluate(0)["localization/map"])


def test_segments_that_are_none_are_named():
    with pytest.raises(DataError, match=r"do not end after they start; the first has sample_id 'v000#0-100'"):
        run(LocalizationMetric(), [sample(0, proposals=[(2, 1, 0.5)])])
    with pytest.raises(DataError, match="score that is not in"):
        run(LocalizationMetric(), [sample(0, proposals=[(1, 2, 1.5)])])


def _rank(rank, world, folder, n):
    import torch.distributed as dist

    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=world)
    rows = samples(n)
    rows += rows[: -n % world]  # as samplers pad
    metric = LocalizationMetric()
    figures = run(metric, rows[rank::world], batch_size=3)
    (folder / f"sound{rank}").write_text(repr((sorted(figures.items()), metric.segments is not None)))
    dist.destroy_process_group()
    end_process(0)


def test_two_ranks_see_what_one_sees(tmp_path):
    mp.spawn(_rank, (2, tmp_path, 11), nprocs=2)
    alone = sorted(run(LocalizationMetric(), samples(11)).items())
    assert [(tmp_path / f"sound{rank}").read_text() for rank in (0, 1)] == [
        repr((alone, True)),
        repr((alone, False)),
    ]
