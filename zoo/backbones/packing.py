"""The valid frames of a padded batch as rows without gaps.

Everything but attention treats frames one by one, so that padding is best left out before the matrices are multiplied
and put back where frames have to meet: the work shrinks with the share of padding.
"""

from __future__ import annotations

from torch import Tensor


class Packing:
    """Goes to and fro between [b, t, d] and the n rows where ``mask`` is True.

    Notation: b clips, t frames, n valid frames of all clips, d channels.

    Args:
        mask: [b, t], True where a frame is valid.
    """

    def __init__(self, mask: Tensor):
        self.mask = mask
        self._index = mask.flatten().nonzero().squeeze(1)

    def pack(self, x: Tensor) -> Tensor:
        """The valid rows [n, d] of ``x`` [b, t, d]; what stands elsewhere, NaN included, is gone."""
        return x.flatten(0, 1).index_select(0, self._index)

    def unpack(self, rows: Tensor) -> Tensor:
        """``rows`` [n, d] back in their places [b, t, d]; zeros elsewhere."""
        padded = rows.new_zeros(self.mask.numel(), rows.shape[-1])
        return padded.index_put((self._index,), rows).unflatten(0, self.mask.shape)  # index_copy would keep the rows
