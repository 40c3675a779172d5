"""InfoNCE: genuine pairs only, symmetric, and the same over two ranks as over one."""

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn.functional as F

from zoo._compat import end_process
from zoo.errors import ConfigError
from zoo.losses.info_nce import FrameInfoNCELoss, InfoNCELoss

SIZE, FRAMES, CHANNELS = 8, 5, 6


def batch(labels=(0, 1, 0, 0, 1, 1, 0, 1)):
    generator = torch.Generator().manual_seed(0)
    outputs = {}
    for modality in ("visual", "audio"):
        outputs[f"{modality}_embedding"] = F.normalize(torch.randn(SIZE, CHANNELS, generator=generator), dim=-1)
        outputs[f"{modality}_frames"] = F.normalize(torch.randn(SIZE, FRAMES, CHANNELS, generator=generator), dim=-1)
        outputs[f"{modality}_mask"] = torch.ones(SIZE, FRAMES, dtype=torch.bool)
    outputs["audio_mask"][2] = False  # a genuine clip without sound
    outputs["visual_mask"][3, 3:] = False
    return outputs, {"label": torch.tensor(labels)}


def symmetric(visual, audio, temperature=0.07):
    similarity = visual @ audio.T / temperature
    own = torch.arange(len(visual))
    return (F.cross_entropy(similarity, own) + F.cross_entropy(similarity.T, own)) / 2


def test_clip_level_takes_complete_genuine_pairs():
    outputs, targets = batch()
    genuine = [0, 3, 6]
    expected = symmetric(outputs["visual_embedding"][genuine], outputs["audio_embedding"][genuine])
    torch.testing.assert_close(InfoNCELoss()(outputs, targets), expected)


def test_clip_level_of_all_pairs():
    outputs, targets = batch()
    complete = [0, 1, 3, 4, 5, 6, 7]
    expected = symmetric(outputs["visual_embedding"][complete], outputs["audio_embedding"][complete], 0.2)
    torch.testing.assert_close(InfoNCELoss(positives="all", temperature=0.2)(outputs, targets), expected)


def test_frame_level_takes_frames_that_have_both():
    outputs, targets = batch()
    terms = []
    for clip, frames in ((0, 5), (3, 3), (6, 5)):
        value = symmetric(outputs["visual_frames"][clip, :frames], outputs["audio_frames"][clip, :frames])
        terms += [value] * frames
    torch.testing.assert_close(FrameInfoNCELoss()(outputs, targets), torch.stack(terms).mean())


@pytest.mark.parametrize("loss", [InfoNCELoss, FrameInfoNCELoss])
def test_no_genuine_pair_is_zero_with_a_graph(loss):
    outputs, targets = batch(labels=(1,) * SIZE)
    names = sorted(loss.uses)
    for name in names:
        outputs[name].requires_grad_()
    model = loss(learnable_temperature=True)
    value = model(outputs, targets)
    assert value == 0
    value.backward()
    assert all((outputs[name].grad == 0).all() for name in names)
    assert model.temperature.logarithm.grad == 0


def test_temperature_is_learnt_or_fixed_and_bounded():
    assert not list(InfoNCELoss().parameters())
    assert not InfoNCELoss().state_dict()
    learnt = InfoNCELoss(learnable_temperature=True, temperature=0.1)
    assert learnt.temperature().item() == pytest.approx(0.1)
    with torch.no_grad():
        learnt.temperature.logarithm.fill_(-20)
    assert learnt.temperature().item() == pytest.approx(0.01)
    for wrong in ({"temperature": 0.0}, {"positives": "fake"}):
        with pytest.raises(ConfigError):
            InfoNCELoss(**wrong)


def gradients(outputs, targets, rows):
    """Loss and gradient of both losses for clips ``rows`` of a linear map that all embeddings go through."""
    torch.manual_seed(0)
    weight = torch.randn(CHANNELS, CHANNELS, requires_grad=True)
    mapped = {name: x[rows] if x.dtype == torch.bool else x[rows] @ weight for name, x in outputs.items()}
    label = {"label": targets["label"][rows]}
    loss = InfoNCELoss()(mapped, label) + FrameInfoNCELoss()(mapped, label)
    loss.backward()
    return loss.detach(), weight.grad


def _rank(rank, store, folder):
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    torch.set_num_threads(1)
    outputs, targets = batch()
    loss, gradient = gradients(outputs, targets, slice(4 * rank, 4 * rank + 4))
    torch.save((loss, gradient), folder / f"rank{rank}.pt")
    dist.destroy_process_group()
    end_process(0)


def test_two_ranks_train_as_one_with_the_joint_batch(tmp_path):
    """The ranks hold two and one genuine pairs: a mean of means would differ."""
    mp.spawn(_rank, args=(tmp_path / "store", tmp_path), nprocs=2)
    outputs, targets = batch()
    loss, gradient = gradients(outputs, targets, slice(None))
    ranks = [torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in range(2)]
    torch.testing.assert_close((ranks[0][0] + ranks[1][0]) / 2, loss)
    torch.testing.assert_close((ranks[0][1] + ranks[1][1]) / 2, gradient)  # what DDP makes of them
    assert not torch.allclose(ranks[0][1], ranks[1][1])
