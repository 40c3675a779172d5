"""What is special about the plugin's components."""

import math

import numpy as np
import pyarrow as pa
import pytest
import torch
import torch.nn.functional as F
from acme_deepfakes.backbone import HaarResidualNet
from acme_deepfakes.loss import AsymmetricLoss
from acme_deepfakes.metric import tpr_at_fpr, worst_method_auc
from acme_deepfakes.mixer import MethodCapMixer
from acme_deepfakes.spread import contested_between, contested_within

from zoo.cli import main
from zoo.datasets.cells import CellName, Cells
from zoo.errors import ConfigError, DataError
from zoo.predictions import write_predictions
from zoo.registry import build
from zoo.structures import Prediction


def predictions(scores, *, corpus="c"):
    """One sample for each video of ``{video: (label, score)}``."""
    return [
        Prediction(sample_id=name, video_id=name, corpus=corpus, method=("real", "m")[label], label=label, score=score)
        for name, (label, score) in scores.items()
    ]


def test_details_of_a_flat_picture_are_nothing_and_the_transform_keeps_the_energy():
    net = HaarResidualNet()
    smooth, details = net._transform(torch.full((1, 3, 8, 8), 0.7))
    assert details.abs().max() < 1e-6
    noise = torch.randn(2, 3, 8, 8)
    smooth, details = net._transform(noise)
    assert torch.allclose(smooth.square().sum() + details.square().sum(), noise.square().sum(), rtol=1e-5)


@pytest.mark.parametrize("wrong", [{"widths": (8,)}, {"blocks": 0}, {"drop_rate": 1.0}])
def test_a_network_that_cannot_be_is_refused(wrong):
    with pytest.raises(ConfigError, match="make no network"):
        HaarResidualNet(**wrong)


def test_without_focus_and_margin_the_loss_is_cross_entropy():
    logit, label = torch.randn(7), torch.tensor([0, 1, 1, 0, 0, 1, 0])
    found = AsymmetricLoss(focus_real=0.0, margin=0.0)({"fake_logit": logit}, {"label": label})
    torch.testing.assert_close(found, F.binary_cross_entropy_with_logits(logit, label.float()))


def test_a_real_sample_below_the_margin_costs_nothing():
    cost = AsymmetricLoss(margin=0.2)({"fake_logit": torch.tensor([-3.0])}, {"label": torch.tensor([0])})
    assert cost == 0


def test_a_cell_counts_no_more_than_the_cap():
    sizes = np.array([10, 2_000, 300])
    names = tuple(CellName("c", "fake", method) for method in "xyz")
    assert MethodCapMixer(most=300).draws(Cells(names, np.cumsum(sizes) - sizes, sizes), 610).tolist() == [10, 300, 300]


def test_recall_at_a_false_alarm_rate():
    scores = np.array([0.1, 0.2, 0.6, 0.3, 0.7, 0.9])
    labels = np.array([0, 0, 0, 1, 1, 1])
    assert tpr_at_fpr(scores, labels, 0.05) == pytest.approx(2 / 3)
    assert tpr_at_fpr(scores, labels, 0.4) == 1
    assert math.isnan(tpr_at_fpr(scores, np.ones(6, int), 0.05))


def test_the_worst_method_is_not_hidden_by_the_others():
    columns = {"method": ["real", "easy", "hard", "hard"], "label": [0, 1, 1, 1], "score": [0.4, 0.9, 0.1, 0.6]}
    table = pa.table(columns)
    assert worst_method_auc(table) == 0.5
    assert math.isnan(worst_method_auc(table.slice(1)))


def test_videos_are_ordered_by_how_far_detectors_lie_apart(tmp_path, capsys):
    write_predictions(tmp_path / "a.parquet", predictions({"v": (1, 0.9), "w": (0, 0.2), "only": (0, 0.5)}))
    write_predictions(tmp_path / "b.csv", predictions({"v": (1, 0.2), "w": (0, 0.3)}))
    files = [str(tmp_path / "a.parquet"), f"second={tmp_path / 'b.csv'}"]
    assert main(["disagreements", *files]) == 0
    head, first, second = capsys.readouterr().out.splitlines()
    assert head == "2 videos scored by two or more; 1 called both real and fake; mean difference 0.400"
    assert first == "0.700  fake  c  v  a 0.900  second 0.200"
    assert second.startswith("0.100  real  c  w")
    assert main(["disagreements", *files, "--split-only", "--most", "5"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert main(["disagreements", files[0]]) == 2
    assert "nobody to disagree with" in capsys.readouterr().err


def test_contradicting_labels_are_an_error(tmp_path):
    tables = {}
    for name, label in (("a", 0), ("b", 1)):
        rows = [
            {
                "corpus": "c",
                "method": "m",
                "video_id": "v",
                "sample_id": "v",
                "label": label,
                "score": 0.5,
                "status": "ok",
            }
        ]
        tables[name] = pa.Table.from_pylist(rows)
    with pytest.raises(DataError, match="'v' is real in a and another in b"):
        contested_between(tables)


def test_samples_of_a_video_disagree():
    rows = [
        {
            "corpus": "c",
            "method": "m",
            "video_id": video,
            "sample_id": f"{video}#{n}",
            "label": 1,
            "score": score,
            "status": "ok",
        }
        for video, scores in {"v": (0.5, 0.5), "w": (0.1, 0.8, 0.4), "x": (0.2,)}.items()
        for n, score in enumerate(scores)
    ]
    first, second = contested_within(pa.Table.from_pylist(rows))
    assert (first.video_id, round(first.spread, 6), second.spread) == ("w", 0.7, 0.0)


def test_a_row_that_cannot_be_understood_is_named(tmp_path):
    (tmp_path / "labels.csv").write_text("file,label\na.mp4,perhaps\n")
    (tmp_path / "a.mp4").write_bytes(b"video")
    with pytest.raises(DataError, match="label 'perhaps'") as caught:
        build("corpus", {"type": "LabelsTable"}).read(tmp_path)
    assert caught.value.where.endswith("labels.csv, line 2")
