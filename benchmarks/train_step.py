"""One training step of the base model against the plain way: time, distance to its own matrix products, memory.

Forward, backward and AdamW on 8 clips of up to 256 frames; their lengths run evenly from a quarter to the whole, and
the padding mask says so. The plain way is fp32, `nn.MultiheadAttention` returning weights, `nn.TransformerEncoder` and
`torch.optim.AdamW` as it comes. Ours is the base config in the precision that ``auto`` picks on this machine, with
fused AdamW.

- Time: CPU seconds of one thread (what else runs on the machine does not count), in turns, medians.
- Roofline: the matrix products of our step, recorded by shape and type, repeated alone in the same turns.
- Memory: each way in a process of its own; the peak of resident memory during a step above what model, optimiser and
  libraries hold before it.

Run: python benchmarks/train_step.py [--quick]
"""

from __future__ import annotations

import argparse
import gc
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from _rows import at_least, parser_of, report
from _timing import medians
from mmengine.config import Config
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from zoo.engine.precision import PRECISIONS, resolve_precision
from zoo.registry import build
from zoo.structures import ForgerySample

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "configs/_base_/models/xmodal_base.py"
WIDTH, HIDDEN, LAYERS, HEADS, DROPOUT = 512, 768, 4, 8, 0.1
CLIPS, FRAMES = 8, 256
TIME_BAR, MEMORY_BAR, ROOFLINE_AIM = 1.8, 2.0, 1.4


class PlainModel(nn.Module):
    """The same architecture as one would write it down with PyTorch's ready modules."""

    def __init__(self) -> None:
        super().__init__()
        self.visual = nn.Sequential(nn.Linear(WIDTH, HIDDEN), nn.LayerNorm(HIDDEN), nn.Dropout(DROPOUT))
        self.audio = nn.Sequential(nn.Linear(WIDTH, HIDDEN), nn.LayerNorm(HIDDEN), nn.Dropout(DROPOUT))
        self.hear = nn.MultiheadAttention(HIDDEN, HEADS, dropout=DROPOUT, batch_first=True)
        self.see = nn.MultiheadAttention(HIDDEN, HEADS, dropout=DROPOUT, batch_first=True)
        self.hear_norm, self.see_norm = nn.LayerNorm(HIDDEN), nn.LayerNorm(HIDDEN)
        layer = nn.TransformerEncoderLayer(HIDDEN, HEADS, 4 * HIDDEN, DROPOUT, activation="gelu", batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, LAYERS)
        self.classifier = nn.Sequential(
            nn.Linear(HIDDEN, HIDDEN // 2), nn.GELU(), nn.Dropout(DROPOUT), nn.Linear(HIDDEN // 2, 1)
        )
        self.embed = nn.Sequential(nn.Linear(HIDDEN, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, 256))

    def loss(self, inputs: Mapping[str, Tensor], labels: Tensor) -> Tensor:
        visual, audio = self.visual(inputs["visual"]), self.audio(inputs["audio"])
        padding = ~inputs["visual_mask"]
        heard, _weights = self.hear(audio, visual, visual, key_padding_mask=padding)
        seen, _weights = self.see(visual, audio, audio, key_padding_mask=padding)
        fused = (self.hear_norm(audio + heard) + self.see_norm(visual + seen)) / 2
        x = self.encoder(fused, src_key_padding_mask=padding)
        x = x.masked_fill(padding.unsqueeze(-1), 0)
        logit = self.classifier(x.mean(dim=1) + x.amax(dim=1)).squeeze(-1)
        pairs = [F.normalize(self.embed(stream.mean(dim=1)), dim=-1) for stream in (visual, audio)]
        similarity = pairs[0] @ pairs[1].T / 0.07
        own = torch.arange(len(labels))
        contrast = F.cross_entropy(similarity, own) + F.cross_entropy(similarity.T, own)
        return F.binary_cross_entropy_with_logits(logit, labels) + 0.5 * contrast / 2


def batch(clips: int, frames: int, *, padded: bool = True) -> tuple[dict[str, Tensor], list[ForgerySample]]:
    generator = torch.Generator().manual_seed(0)
    lengths = torch.linspace(frames // 4 if padded else frames, frames, clips).long()
    mask = torch.arange(frames) < lengths.unsqueeze(1)
    inputs = {name: torch.randn(clips, frames, WIDTH, generator=generator) for name in ("visual", "audio")}
    inputs = {name: x.masked_fill(~mask.unsqueeze(-1), 0) for name, x in inputs.items()}
    samples = [
        ForgerySample(sample_id=str(i), video_id=str(i), corpus="synthetic", method="none", label=i % 2)
        for i in range(clips)
    ]
    return {**inputs, "visual_mask": mask, "audio_mask": mask}, samples


Step = Callable[[Any], None]


def plain_step() -> Step:
    model = PlainModel().train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, weight_decay=1e-4)

    def step(data: Any) -> None:
        inputs, samples = data
        labels = torch.tensor([float(sample.label) for sample in samples])
        optimizer.zero_grad()
        model.loss(inputs, labels).backward()
        optimizer.step()

    return step


def our_step(precision: str) -> Step:
    model = build("detector", Config.fromfile(CONFIG).model).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, weight_decay=1e-4, fused=True)
    dtype = PRECISIONS[precision]

    def step(data: Any) -> None:
        inputs, samples = data
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=dtype, enabled=dtype is not None):
            losses = model(inputs, samples, mode="loss")
        sum(losses.values()).backward()
        optimizer.step()

    return step


class MatrixProducts(TorchDispatchMode):
    """Records the operands of every matrix product below it, those inside fused attention included."""

    def __init__(self) -> None:
        super().__init__()
        self.products: list[tuple[tuple, tuple]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.name()
        if name in ("aten::mm", "aten::bmm"):
            self._add(args[0], args[1])
        elif name == "aten::addmm":
            self._add(args[1], args[2])
        elif "flash_attention_for_cpu" in name:
            query, key, value = (x.flatten(0, 1) for x in args[1 if "backward" in name else 0 :][:3])
            weights = query.new_empty(query.shape[0], query.shape[1], key.shape[1])
            forward = [(query, key.transpose(1, 2)), (weights, value)]
            backward = [
                (query, key.transpose(1, 2)),
                (weights.transpose(1, 2), query),
                (query, value.transpose(1, 2)),
                (weights, key),
                (weights.transpose(1, 2), query),
            ]
            for left, right in backward if "backward" in name else forward:
                self._add(left, right)
        return func(*args, **(kwargs or {}))

    def _add(self, *pair: Tensor) -> None:
        self.products.append(tuple((x.shape, x.stride(), x.dtype) for x in pair))


def roofline(step: Step, data: Any) -> Callable[[], None]:
    """A function that computes nothing but the matrix products of ``step``."""
    with MatrixProducts() as recorded:
        step(data)
    operands: dict[tuple, Tensor] = {}

    def operand(kind: tuple) -> Tensor:
        if kind not in operands:
            shape, stride, dtype = kind
            operands[kind] = torch.empty_strided(shape, stride, dtype=dtype).normal_()
        return operands[kind]

    pairs = [(operand(left), operand(right)) for left, right in recorded.products]

    def multiply() -> None:
        for left, right in pairs:
            torch.matmul(left, right)

    return multiply


def step_of(way: str) -> Step:
    torch.manual_seed(0)
    return plain_step() if way == "plain" else our_step(resolve_precision("auto", "cpu"))


def peak_memory(way: str, clips: int, frames: int) -> int:
    """Bytes by which resident memory peaks during a step of this process; Linux only."""
    step = step_of(way)
    step(batch(2, 8))  # the optimiser's state exists from here on
    data = batch(clips, frames)
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forget the peak so far
    before = _status("VmRSS")
    step(data)
    return _status("VmHWM") - before


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


def run(quick: bool = False) -> list[dict]:
    """The measurements as rows of ``name``, ``ratio``, ``bar``, ``holds`` and ``detail``."""
    torch.set_num_threads(1)
    clips, frames, turns = (2, 64, 1) if quick else (CLIPS, FRAMES, 5)
    precision = resolve_precision("auto", "cpu")
    data, full = batch(clips, frames), batch(clips, frames, padded=False)
    plain, ours = step_of("plain"), step_of("ours")
    taken = medians(
        {
            "plain": lambda: plain(data),
            "ours": lambda: ours(data),
            "products": roofline(ours, data),
            "plain_full": lambda: plain(full),
            "ours_full": lambda: ours(full),
        },
        turns,
    )
    distance = taken["ours"] / taken["products"]
    share = 1 - data[0]["visual_mask"].float().mean().item()
    time_detail = (
        f"{taken['plain']:.2f} s and {taken['ours']:.2f} s ({precision}); {distance:.2f} x its own matrix products "
        f"(aim {ROOFLINE_AIM}); {share:.0%} padding, without any {taken['plain_full'] / taken['ours_full']:.2f} x"
    )
    peaks = {way: _peak_in_a_process(way, clips, frames) for way in ("plain", "ours")}
    memory_detail = f"{peaks['plain'] / 2**20:,.0f} MiB and {peaks['ours'] / 2**20:,.0f} MiB above the state before"
    return [
        at_least("training step: time against the plain way", taken["plain"] / taken["ours"], TIME_BAR, time_detail),
        at_least(
            "training step: peak memory of the plain way", peaks["plain"] / peaks["ours"], MEMORY_BAR, memory_detail
        ),
    ]


def _peak_in_a_process(way: str, clips: int, frames: int) -> int:
    command = [sys.executable, __file__, "--peak-memory", way, str(clips), str(frames)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def main() -> int:
    parser = parser_of(__doc__)
    parser.add_argument("--peak-memory", nargs=3, metavar=("WAY", "CLIPS", "FRAMES"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak_memory:
        way, clips, frames = options.peak_memory
        torch.set_num_threads(1)
        print(peak_memory(way, int(clips), int(frames)))
        return 0
    return report(run(options.quick))


if __name__ == "__main__":
    sys.exit(main())
