"""Do parts train on two processes? One step each under DistributedDataParallel, on CPUs through gloo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import torch
from torch import distributed, nn

from zoo.testing.case import Case, ContractBroken, expect

TRAINED_KINDS: Final = ("backbone", "detector", "frequency_transform", "fusion", "head", "loss")
"""Kinds whose components are modules; ``zoo.testing.KIND.training_step`` runs one, as ``as_trained`` makes it ready."""

_RANKS: Final = 2
_STEPS: Final = 2  # a parameter left out of the first step is reported in the second


def check_ranks(*cases: Case, timeout_s: float = 240.0) -> None:
    """Train every case for two steps on two gloo ranks with different data.

    Gradients arrive at every trained parameter, and are the same on both ranks. All cases share the two processes,
    whose start takes most of the time.

    Args:
        cases: of `TRAINED_KINDS`, built from plain values.
        timeout_s: for all of them.

    Raises:
        ContractBroken: a case fails, or the ranks wait for each other for ever.
    """
    order = {"path": sys.path, "cases": [_as_plain(case) for case in cases]}
    with tempfile.TemporaryDirectory(prefix="zoo-ranks-") as folder:
        (Path(folder) / "order.json").write_text(json.dumps(order), encoding="utf-8")
        environment = os.environ | {"GLOO_SOCKET_IFNAME": _loopback(), "OMP_NUM_THREADS": "1"}
        workers = [
            subprocess.Popen(
                [sys.executable, "-c", "from zoo.testing.ranks import work; work()", folder, str(rank)],
                env=environment | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for rank in range(_RANKS)
        ]
        try:
            told = [worker.communicate(timeout=timeout_s)[0] for worker in workers]
        except subprocess.TimeoutExpired:
            raise ContractBroken(f"two ranks did not finish within {timeout_s:g} s") from None
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()
        faults = [path.read_text(encoding="utf-8") for path in sorted(Path(folder).glob("fault_*.txt"))]
    expect(not faults, f"on two ranks: {faults[0] if faults else ''}")
    codes = [worker.returncode for worker in workers]
    expect(codes == [0] * _RANKS, f"the ranks ended with {codes}: {told[0][-2000:]}")


def work() -> None:
    """What a rank does; its folder and number are the last two arguments of the process."""
    folder, rank = Path(sys.argv[-2]), int(sys.argv[-1])
    order = json.loads((folder / "order.json").read_text(encoding="utf-8"))
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", f"file://{folder}/meeting", timedelta(seconds=60), rank=rank, world_size=_RANKS
    )
    for plain in order["cases"]:
        case = _from_plain(plain)
        try:
            _train(case, rank)
        except BaseException as error:
            (folder / f"fault_{rank}.txt").write_text(f"{case}: {type(error).__name__}: {error}", encoding="utf-8")
            os._exit(1)  # taking leave of the other rank would wait for ever
    distributed.destroy_process_group()


def _train(case: Case, rank: int) -> None:
    kind = import_module(f"zoo.testing.{case.kind}")
    bare: nn.Module = case.make()
    if hasattr(kind, "as_trained"):
        bare = kind.as_trained(bare)
    step = kind.training_step
    trained = [parameter for parameter in bare.parameters() if parameter.requires_grad]
    module: nn.Module = nn.parallel.DistributedDataParallel(bare) if trained else bare
    for number in range(_STEPS):
        bare.zero_grad()
        loss = step(module, bare, seed=10 * number + rank + 1)
        if loss.requires_grad:
            loss.backward()
    if not trained:
        return
    gradients = [parameter.grad for parameter in trained]
    expect(all(grad is not None and grad.isfinite().all() for grad in gradients), "gradients are absent or not finite")
    mine = torch.cat([grad.flatten() for grad in gradients if grad is not None])
    others = [torch.empty_like(mine) for _ in range(_RANKS)]
    distributed.all_gather(others, mine)
    expect(torch.equal(others[0], others[1]), "the ranks have different gradients")


def _as_plain(case: Case) -> dict[str, Any]:
    component = case.component
    target = None if isinstance(component, str) else f"{component.__module__}:{component.__qualname__}"
    return {"kind": case.kind, "component": case.name, "target": target, "config": dict(case.config)}


def _from_plain(plain: dict[str, Any]) -> Case:
    component: Any = plain["component"]
    if plain["target"]:
        module, _, name = plain["target"].partition(":")
        component = getattr(import_module(module), name)
    return Case(kind=plain["kind"], component=component, config=plain["config"])


def _loopback() -> str:
    return "lo" if sys.platform.startswith("linux") else "lo0"
