"""A detector of a few parameters that sees crops; a config that imports this module can name it."""

import torch
from mmengine.model import BaseModel
from torch import nn

from zoo.registry import REGISTRIES


@REGISTRIES["detector"].register_module(force=True)
class MeanColour(BaseModel):
    """Judges a crop by its mean colour."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3, 1)

    def forward(self, inputs, data_samples=None, mode="tensor"):
        image = inputs["image"]
        assert image.dtype == torch.uint8 and image.is_contiguous(memory_format=torch.channels_last)
        logits = self.head(image.float().mean(dim=(2, 3)) / 255 - 0.5).squeeze(-1)
        if mode == "tensor":
            return logits
        if mode == "predict":
            for sample, logit in zip(data_samples, logits.tolist(), strict=True):
                sample.fake_logit = logit
            return data_samples
        labels = torch.tensor([sample.label for sample in data_samples], dtype=torch.float32)
        return {"loss": nn.functional.binary_cross_entropy_with_logits(logits, labels)}
