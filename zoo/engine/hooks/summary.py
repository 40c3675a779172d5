"""What is about to be trained, in one framed table at the start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.hooks import Hook
from rich.panel import Panel
from rich.table import Table

from zoo.structures import LABEL_NAMES


class RunSummary(Hook):
    """Show experiment, model and parameter count, optimiser, schedule, loss, batch, precision and data balance."""

    priority = "VERY_LOW"

    def before_train(self, runner: Any) -> None:
        rows = list(summary_rows(runner))
        table = Table.grid(padding=(0, 2))
        for name, value in rows:
            table.add_row(name, value)
        runner.console.print(Panel(table, title=runner.cfg.get("experiment_name") or "training", expand=False))
        runner.logger.info("\n".join(f"{name}: {value}" for name, value in rows))


def summary_rows(runner: Any) -> Iterator[tuple[str, str]]:
    """Name and value of each line of the summary."""
    parameters = list(runner.bare_model.parameters())
    trained = sum(p.numel() for p in parameters if p.requires_grad)
    total = sum(p.numel() for p in parameters)
    frozen = "" if trained == total else f", {trained:,} of them trained"
    wrapper, loop, config = runner.optim_wrapper, runner.train_loop, runner.cfg
    yield "work dir", runner.work_dir
    yield "model", f"{type(runner.bare_model).__name__}, {total:,} parameters{frozen}"
    group = wrapper.optimizer.param_groups[0]
    facts = [f"lr {group['initial_lr' if 'initial_lr' in group else 'lr']:g}"]
    facts += [f"{key.replace('_', ' ')} {group[key]:g}" for key in ("weight_decay", "momentum") if group.get(key)]
    facts += list(_layer_facts(wrapper))
    clip = getattr(wrapper, "clip", {}).get("max_norm")
    facts += [f"gradient clipped to {clip:g}"] if clip is not None else []
    yield "optimiser", ", ".join([type(wrapper.optimizer).__name__, *facts])
    yield "schedule", " + ".join(type(item).__name__ for item in runner.param_schedulers or ()) or "constant"
    yield "loss", _loss(config.get("model"))
    batch = loop.dataloader.batch_sampler.batch_size if loop.dataloader.batch_sampler else 1
    accumulated = wrapper._accumulative_counts
    factors = f"{batch} x {runner.world_size} processes x {accumulated} accumulated"
    yield "batch", f"{batch * runner.world_size * accumulated} ({factors})"
    yield "length", f"{loop.max_epochs} epochs of {loop.epoch_length} iterations, at most {loop.max_iters}"
    yield "precision", f"{getattr(wrapper, 'precision', 'fp32')} on {next(runner.bare_model.parameters()).device}"
    yield "seed", str(runner.seed)
    yield "training data", _balance(loop.dataloader.dataset)
    if runner.val_loop is not None:
        yield "validation data", _balance(runner.val_loop.dataloader.dataset)


def _layer_facts(wrapper: Any) -> Iterator[str]:
    """How parameters are told apart, where they are."""
    groups = wrapper.optimizer.param_groups
    if (decay := getattr(wrapper, "layer_decay", None)) is not None:
        deepest = max(group["depth"] for group in groups)
        least = min(group.get("initial_lr", group["lr"]) for group in groups)
        yield f"times {decay:g} a layer down to {least:.3g} over {deepest} layers"
    if not getattr(wrapper, "decay_vectors", True):
        yield "none of it on norms and biases"


def _loss(model: Any) -> str:
    loss = model.get("loss") if isinstance(model, Mapping) else None
    if not isinstance(loss, Mapping):
        return "as the model defines"
    if isinstance(terms := loss.get("terms"), Mapping):
        weights = loss.get("weights") or {}
        return " + ".join(f"{weights.get(name, 1):g} {_call(term)}" for name, term in terms.items())
    return _call(loss)


def _call(config: Mapping[str, Any]) -> str:
    options = [f"{name} {value}" for name, value in config.items() if name != "type" and value is not None]
    return f"{config['type']}" + (f" ({', '.join(options)})" if options else "")


def _balance(dataset: Any) -> str:
    text = f"{len(dataset):,} samples"
    if hasattr(dataset, "class_counts"):
        counts = dataset.class_counts()
        text += ", " + ", ".join(f"{counts.get(label, 0):,} {name}" for label, name in enumerate(LABEL_NAMES))
    return text
