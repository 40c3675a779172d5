"""ONNX Runtime: the detector as a graph whose operators are merged and laid out for the processor."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from zoo.errors import ConfigError
from zoo.inference.backends.base import require_evaluation_mode, require_pictures, resolve_device
from zoo.inference.backends.onnx_export import (
    INPUT,
    cannot_run,
    examples,
    export,
    graph_path,
    mark_used,
    require_package,
)

TOLERANCE: Final = 1e-3
"""By which logits may differ from those of PyTorch in float32."""
_PROVIDERS: Final = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


class OnnxRuntimeBackend:
    """A detector of pictures on ONNX Runtime, with logits that equal those of PyTorch in float32 to 0.001.

    A graph is made for each size of picture that comes, for any number of them, and kept in zoo's cache (`ZOO_CACHE`),
    so that the same weights start at once the next time. Whether made or kept, it is compared with PyTorch on a few
    pictures before it is used.

    Args:
        model: a detector of pictures, in evaluation mode.
        device: ``auto``, ``cpu``, or a GPU's name, for which onnxruntime-gpu must be installed in place of
            onnxruntime; ``auto`` takes a GPU only where it is.
        threads: CPU threads; as many as PyTorch has if None.

    Raises:
        ConfigError: training mode, no such device, or an ONNX Runtime that does not run on it.
        MissingDependency: onnxruntime is absent.
    """

    def __init__(self, *, model: nn.Module, device: str = "auto", threads: int | None = None):
        require_evaluation_mode(model)
        require_package("onnxruntime")
        self.device = _device(device)
        self.threads = threads
        self.model = model.cpu()
        self._sessions: dict[tuple[int, int], Any] = {}

    def prepare(self, height: int, width: int) -> None:
        """Make the graph for pictures of this size, or find it in the cache, and compare it with PyTorch.

        Raises:
            ConfigError: the model cannot be written as a graph, or the graph gives other logits.
            MissingDependency: onnx or onnxscript, which make graphs, are absent.
            WorkDirError: the cache cannot be written.
        """
        if (height, width) in self._sessions:
            return
        path = graph_path(self.model, height, width)
        session = self._session(path) if path.is_file() else None
        if session is not None and self._difference(session, height, width) <= TOLERANCE:
            mark_used(path)
        else:
            export(self.model, height, width, path)
            session = self._session(path)
            if session is None:
                raise cannot_run(self.model, "gives a graph that ONNX Runtime does not load")
            if not (difference := self._difference(session, height, width)) <= TOLERANCE:
                path.unlink(missing_ok=True)
                raise cannot_run(
                    self.model, f"has other logits on ONNX Runtime: by {difference:.2g}, where {TOLERANCE:g} is allowed"
                )
        self._sessions[height, width] = session

    def __call__(self, images: Tensor) -> Tensor:
        """Fake logits, float32 [b] on the CPU, of ``images``, uint8 [b, 3, h, w] in RGB.

        Raises:
            DataError: no batch of such pictures.
            ConfigError, MissingDependency, WorkDirError: see `prepare`.
        """
        require_pictures(images)
        if not len(images):
            return torch.zeros(0)
        height, width = images.shape[2:]
        self.prepare(height, width)
        return _run(self._sessions[height, width], images)

    def _session(self, path: Path) -> Any:
        """The graph at ``path``, loaded; None where it is damaged or holds an operator that ONNX Runtime lacks."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads or torch.get_num_threads()
        options.log_severity_level = 3  # errors
        provider: Any = _PROVIDERS[self.device.type]
        if self.device.type == "cuda":
            provider = (provider, {"device_id": self.device.index or 0})
        try:
            return onnxruntime.InferenceSession(path, options, providers=[provider])
        except Exception:  # a class of its own for each reason, known to its C++ module alone
            return None

    @torch.inference_mode()
    def _difference(self, session: Any, height: int, width: int) -> float:
        """The largest difference of logits to PyTorch in float32, over a batch and over a single picture."""
        pictures = examples(height, width)
        expected = self.model({"image": pictures}).float()
        try:
            found = torch.cat((_run(session, pictures), _run(session, pictures[:1])))
        except Exception:  # a graph that runs for one number of pictures only
            return float("inf")
        return float((found - torch.cat((expected, expected[:1]))).abs().max())


def _run(session: Any, images: Tensor) -> Tensor:
    (logits,) = session.run(None, {INPUT: images.contiguous().cpu().numpy()})
    return torch.from_numpy(logits)


def _device(name: str) -> torch.device:
    import onnxruntime

    device = resolve_device(name)
    if _PROVIDERS[device.type] in onnxruntime.get_available_providers():
        return device
    if name == "auto":
        return torch.device("cpu")
    raise ConfigError(
        f"The installed ONNX Runtime does not run on {name}.",
        where="OnnxRuntimeBackend",
        next_step="Install onnxruntime-gpu in place of onnxruntime, or use device='cpu'.",
    )
