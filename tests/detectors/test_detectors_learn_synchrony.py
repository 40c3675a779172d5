"""The demo's detector learns from a few clips whether two streams run in time, and the controls cannot."""

import pytest
import torch

from zoo.config import load_config
from zoo.registry import build
from zoo.structures import ForgerySample

FRAMES, WIDTH, SHARED, OWN = 50, 512, 2, 3


@pytest.fixture(autouse=True)
def one_thread():
    """Small products on a busy machine: threads that wait for each other are slower than one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def walks(count, channels, frames, generator):
    """Smooth random latents [count, frames, channels] of unit variance."""
    steps = torch.randn(count, frames, channels, generator=generator)
    for frame in range(1, frames):
        steps[:, frame] = 0.9 * steps[:, frame - 1] + (1 - 0.9**2) ** 0.5 * steps[:, frame]
    return steps


def clips(count, seed):
    """Streams that share latents through different mixtures; in every second clip the sound is 3 to 7 frames late."""
    mixing = torch.Generator().manual_seed(99)
    mixtures = [torch.randn(SHARED + OWN, WIDTH, generator=mixing) / (SHARED + OWN) ** 0.5 for _ in range(2)]
    generator = torch.Generator().manual_seed(seed)
    shared = walks(count, SHARED, FRAMES + 7, generator)
    labels = [i % 2 for i in range(count)]
    late = torch.randint(3, 8, (count,), generator=generator)
    heard = torch.stack([shared[i, 7 - label * late[i] :][:FRAMES] for i, label in enumerate(labels)])
    mask = torch.ones(count, FRAMES, dtype=torch.bool)
    inputs = {"visual_mask": mask, "audio_mask": mask}
    for name, latent, mixture in zip(("visual", "audio"), (shared[:, 7:], heard), mixtures, strict=True):
        latent = torch.cat((latent, walks(count, OWN, FRAMES, generator)), dim=-1)
        who = 0.5 * torch.randn(count, 1, WIDTH, generator=generator)
        noise = 0.25 * torch.randn(count, FRAMES, WIDTH, generator=generator)
        inputs[name] = torch.tanh(latent @ mixture) + who + noise
    samples = [
        ForgerySample(sample_id=str(i), video_id=str(i), corpus="synthetic", method="late", label=label)
        for i, label in enumerate(labels)
    ]
    return inputs, samples


def auc_on_unseen(config, *, epochs=5, batch=20):
    torch.manual_seed(0)
    model = build("detector", load_config(config).model)
    inputs, samples = clips(240, seed=1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    for _ in range(epochs):
        for chosen in torch.randperm(len(samples)).split(batch):
            part = {name: x[chosen] for name, x in inputs.items()}
            losses = model(part, [samples[i] for i in chosen], mode="loss")
            optimizer.zero_grad()
            sum(losses.values()).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
    inputs, samples = clips(100, seed=2)
    with torch.no_grad():
        logits = model.eval()(inputs)
    fake = torch.tensor([sample.label for sample in samples], dtype=torch.bool)
    return (logits[fake].unsqueeze(1) > logits[~fake]).float().mean().item()


def test_small_offsets_are_learnt():
    assert auc_on_unseen("xmodal_demo") >= 0.95


@pytest.mark.parametrize("config", ["audio_only", "visual_only"])
def test_one_modality_is_not_enough(config):
    assert 0.3 < auc_on_unseen(config, epochs=2) < 0.7
