"""The metric of a run: rows, statuses, ranks."""

import dataclasses
import math

import numpy as np
import torch.multiprocessing as mp

from zoo._compat import end_process
from zoo.errors import DataError
from zoo.metrics.forgery import ForgeryMetric
from zoo.structures import ForgerySample


def sample(index, *, logit, label=None, **more):
    label = index % 2 if label is None else label
    method = ("real", "swap")[label]
    values = {"sample_id": f"{method}/{index // 2:03d}:0", "video_id": f"{method}/{index // 4:03d}", "corpus": "toy"}
    return ForgerySample(**values | {"method": method, "label": label, "fake_logit": logit} | more)


def samples(n, seed=0):
    rng = np.random.default_rng(seed)
    return [sample(i, logit=float(rng.normal(i % 2))) for i in range(n)]


def run(metric, batch, *, size, batch_size=4):
    for start in range(0, len(batch), batch_size):
        metric.process(None, batch[start : start + batch_size])
    return metric.evaluate(size)


def test_it_is_built_by_name_and_gives_flat_figures():
    from zoo.registry import build  # here, so that spawned ranks need not load it

    metric = build("metric", {"type": "ForgeryMetric"})
    figures = run(metric, samples(40), size=40)
    assert {"video/auc", "video/macro_f1", "video/eer", "sample/average_precision", "sample/accuracy"} <= set(figures)
    assert 0.5 < figures["sample/auc"] <= 1.0
    assert len(metric.table) == 40
    assert metric.summary["sample"]["auc"] == figures["sample/auc"]
    assert metric.summary["video"]["n"] == 20


def test_scores_are_the_sigmoid_of_the_logit():
    metric = ForgeryMetric()
    run(metric, [sample(0, logit=-800.0), sample(1, logit=0.0), sample(3, logit=800.0)], size=3)
    assert metric.table["score"].to_pylist() == [0.0, 0.5, 1.0]


def test_rows_of_one_evaluation_do_not_reach_the_next():
    metric = ForgeryMetric()
    run(metric, samples(8), size=8)
    run(metric, samples(4), size=4)
    assert len(metric.table) == 4


def test_samples_that_a_sampler_repeats_count_once():
    rows = samples(10)
    once, padded = ForgeryMetric(), ForgeryMetric()
    assert run(once, rows, size=10) == run(padded, rows + rows[:3], size=10)
    assert len(padded.table) == 10


def test_a_sample_without_a_finite_logit_is_named_not_scored():
    metric = ForgeryMetric()
    rows = [
        *samples(4),
        sample(4, logit=math.nan),
        sample(5, logit=None),
        sample(6, logit=None, status="no_face"),
    ]
    run(metric, rows, size=7)
    assert metric.summary["status"] == {"no_face": 1, "no_prediction": 1, "non_finite_logit": 1, "ok": 4}
    assert metric.table["score"].null_count == 3
    assert metric.summary["sample"]["n"] == 4


def test_one_class_gives_nan_not_an_error():
    figures = run(ForgeryMetric(), [sample(1, logit=1.0), sample(3, logit=2.0)], size=2)
    assert math.isnan(figures["video/auc"])
    assert figures["video/accuracy"] == 1.0


def test_no_rows_at_all():
    assert math.isnan(ForgeryMetric().evaluate(0)["sample/auc"])


def test_prefix_and_threshold():
    figures = run(ForgeryMetric(prefix="wild", threshold=0.9), [sample(0, logit=1.0), sample(1, logit=1.0)], size=2)
    assert figures["wild/sample/accuracy"] == 0.5
    assert all(name.startswith("wild/") for name in figures)


def test_timelines_are_kept_when_asked_for():
    rows = [sample(0, logit=0.0, frame_logits=[0.0, 800.0]), sample(1, logit=0.0)]
    metric = ForgeryMetric(timelines=True)
    run(metric, rows, size=2)
    assert metric.table["timeline"].to_pylist() == [[0.5, 1.0], None]
    plain = ForgeryMetric()
    run(plain, rows, size=2)
    assert "timeline" not in plain.table.column_names


def _rank(rank, world, folder, n):
    import torch.distributed as dist

    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=world)
    rows = samples(n)
    rows += rows[: -n % world]  # as samplers pad
    metric = ForgeryMetric()
    figures = run(metric, rows[rank::world], size=n, batch_size=3)
    (folder / f"sound{rank}").write_text(repr((sorted(figures.items()), metric.table is not None)))
    try:
        run(metric, [dataclasses.replace(item, label=7) for item in rows[rank::world]], size=n)
    except DataError as error:
        (folder / f"broken{rank}").write_text(error.what)
    dist.destroy_process_group()
    end_process(0)


def test_two_ranks_equal_one_and_fail_together(tmp_path):
    mp.spawn(_rank, (2, tmp_path, 33), nprocs=2)
    figures = run(ForgeryMetric(), samples(33), size=33)
    assert (tmp_path / "sound0").read_text() == repr((sorted(figures.items()), True))
    assert (tmp_path / "sound1").read_text() == repr((sorted(figures.items()), False))
    assert (tmp_path / "broken0").read_text() == (tmp_path / "broken1").read_text()
