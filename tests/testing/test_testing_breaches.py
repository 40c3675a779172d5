"""A component that breaks a promise is caught, and told what it does wrong."""

import pytest
import torch
from torch import nn

from zoo.datasets.corpora.image_folder import ImageFolder
from zoo.datasets.mixers.base import Mixer
from zoo.heads.classification import ClassificationHead
from zoo.losses.bce import BinaryCrossEntropyLoss
from zoo.metrics.forgery import ForgeryMetric
from zoo.plugins import Section
from zoo.testing import (
    ContractBroken,
    check_backbone,
    check_component,
    check_corpus,
    check_head,
    check_loss,
    check_metric,
    check_mixer,
    check_ranks,
    check_report_section,
)
from zoo.testing.case import Case

torch.set_num_threads(1)


class Pixels(nn.Module):
    """A backbone of pictures that keeps every promise."""

    mean = std = (0.5, 0.5, 0.5)
    in_channels = 3

    def __init__(self, *, width=6):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, width, 5, stride=4), nn.ReLU(), nn.Conv2d(width, width, 3))
        self.out_channels = width

    def forward(self, pictures):
        return self.layers(pictures).mean(dim=(2, 3)).unsqueeze(1)


class Narrow(Pixels):
    """Says another width than it has."""

    def __init__(self):
        super().__init__()
        self.out_channels = 7


class Idle(Pixels):
    """Has a parameter that nothing trains."""

    def __init__(self):
        super().__init__()
        self.spare = nn.Parameter(torch.zeros(2))


class Mixing(Pixels):
    """Looks at the whole batch."""

    def forward(self, pictures):
        return super().forward(pictures) - super().forward(pictures).mean()


class Forgetful(Pixels):
    """Keeps what it has learnt out of the state dict."""

    def __init__(self):
        super().__init__()
        self.register_buffer("shift", torch.rand(1), persistent=False)
        self.seen = 0.0

    def forward(self, pictures):
        if self.training:
            self.seen += 1.0
        return super().forward(pictures) + self.seen


class Restless(Pixels):
    """Draws at random in evaluation."""

    def forward(self, pictures):
        return super().forward(pictures) + torch.rand(())


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (Narrow, r"the output's shape is \(4, 1, 6\)"),
        (Idle, "get no finite gradient: spare"),
        (Mixing, "the batch matters"),
        (Forgetful, "a state dict does not carry everything"),
        (Restless, "a second run gives something else"),
    ],
)
def test_a_broken_backbone_is_told_what_it_does_wrong(broken, told):
    check_backbone(Pixels, {"width": 5}, ranks=False)
    with pytest.raises(ContractBroken, match=f"(?s)backbone {broken.__name__} breaks a promise.*{told}"):
        check_backbone(broken, ranks=False)


class Undocumented(Pixels):
    def __init__(self, width=6):
        super().__init__(width=width)


class ByPosition(Pixels):
    """Takes arguments by position."""

    def __init__(self, width=6):
        super().__init__(width=width)


def test_documentation_and_keywords_are_asked_for():
    for broken, told in ((Undocumented, "docstring is missing"), (ByPosition, r"put \* before width")):
        with pytest.raises(ContractBroken, match=told):
            check_component("backbone", broken)
    with pytest.raises(TypeError, match="not JSON serializable"):
        check_component("backbone", Pixels, {"width": torch.tensor(3)})


class OneSided(BinaryCrossEntropyLoss):
    """Is NaN for a batch without fakes."""

    def forward(self, outputs, targets):
        fakes = targets["label"] == 1
        return super().forward({"fake_logit": outputs["fake_logit"][fakes]}, {"label": targets["label"][fakes]})


class Curious(BinaryCrossEntropyLoss):
    """Reads what it does not say."""

    def forward(self, outputs, targets):
        return super().forward(outputs, targets) + outputs["visual_embedding"].square().mean()


def test_broken_losses_are_caught():
    for broken, told in ((OneSided, "nan"), (Curious, "`uses` says"), (Nameless, "must contain 'loss'")):
        with pytest.raises(ContractBroken, match=told):
            check_loss(broken, ranks=False)


class Nameless(BinaryCrossEntropyLoss):
    """Names a term so that it is not trained."""

    def forward(self, outputs, targets):
        return {"bce": super().forward(outputs, targets)}


class Leaky(ClassificationHead):
    """Looks at masked frames."""

    def forward(self, features, mask):
        return super().forward(features, torch.ones_like(mask))


class Backwards(Mixer):
    """Draws the small cells most."""

    def shares(self, cells):
        return 1.0 / cells.sizes


class Repeating(ForgeryMetric):
    """Counts copies again."""

    def compute_metrics(self, results):
        return {"rows": float(sum(map(len, results)))}


def test_other_broken_kinds_are_caught(tmp_path):
    with pytest.raises(ContractBroken, match="masked frames matter"):
        check_head(Leaky, {"in_channels": 4}, ranks=False)
    with pytest.raises(ContractBroken, match="the larger one is drawn no less often"):
        check_mixer(Backwards)
    with pytest.raises(ContractBroken, match="copies count again"):
        check_metric(Repeating)
    for label in ("real", "fake"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "a.png").write_bytes(b"picture")
    check_corpus("ImageFolder", root=tmp_path)
    with pytest.raises(ContractBroken, match="records are not sorted"):
        check_corpus(Unsorted, root=tmp_path)


class Unsorted(ImageFolder):
    """Gives records in no order."""

    def scan(self, root):
        from dataclasses import replace

        scan = super().scan(root)
        return replace(scan, records=scan.records[::-1])


@pytest.mark.parametrize(
    ("html", "told"),
    [
        ("<script>1</script>", "must stand alone"),
        ('<img src="https://example.org/a.png">', "must stand alone"),
        (" ", "is empty"),
        ("<p><b>swap</b>&\"'</p>", "unescaped"),
    ],
)
def test_sections_that_do_not_stand_alone_are_caught(html, told):
    with pytest.raises(ContractBroken, match=told):
        check_report_section(lambda run: [Section("Mine", html)])
    check_report_section(lambda run: [Section("Mine", "<p>fine</p>")])
    with pytest.raises(ContractBroken, match="no section"):
        check_report_section(lambda run: [])


def test_a_parameter_that_one_rank_leaves_out_is_caught():
    """Idle parameters stop training on several ranks; the case is named."""
    with pytest.raises(ContractBroken, match="on two ranks: backbone Idle"):
        check_ranks(Case(kind="backbone", component=Pixels), Case(kind="backbone", component=Idle))
