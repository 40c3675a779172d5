"""Batches of all ranks as one, with gradients.

`torch.distributed` averages a model's gradients over ranks. A loss that is the sum of this rank's terms, divided by
the number of terms on ALL ranks and multiplied by the number of ranks, therefore trains exactly as the mean over the
joint batch on one rank does; `mean_over_ranks` does that.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def rank_and_world() -> tuple[int, int]:
    """This process's rank and the number of ranks; (0, 1) without a process group."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


def gather(x: Tensor) -> Tensor:
    """``x`` [b, ...] of every rank, in the order of ranks: [ranks * b, ...]. Gradients flow back to each owner.

    All ranks bring equally large tensors, as samplers that deal out whole batches guarantee.
    """
    return x if rank_and_world()[1] == 1 else _Gather.apply(x)


def mean_over_ranks(terms: Tensor, weights: Tensor, *, per: Tensor | None = None) -> Tensor:
    """The weighted mean of ``terms`` over all ranks, as far as this rank contributes to it (see the module's text).

    ``weights`` are of the shape of ``terms`` and carry no gradient. Where all weights are 0 the result is 0, still
    joined to the graph, so that every parameter receives a (zero) gradient. With ``per``, a scalar of this rank, the
    weighted sum is divided by the sum of ``per`` over all ranks, or by 1 where that is less.
    """
    total = weights.sum() if per is None else per
    world = rank_and_world()[1]
    if world > 1:
        total = total.detach().clone()
        dist.all_reduce(total)
    least = torch.finfo(terms.dtype).tiny if per is None else 1.0
    return world * (terms * weights).sum() / total.clamp(min=least)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        parts = [torch.empty_like(x) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, x.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        gradient = gradient.contiguous()
        dist.all_reduce(gradient)  # gloo has no reduce_scatter
        return gradient.chunk(dist.get_world_size())[dist.get_rank()]
