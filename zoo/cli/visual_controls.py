"""``zoo visual-controls``: how well do small detectors of face crops do on people and forgeries they never saw?

For every seed, replicas made after photographs, people in one split only:

- baseline: the small twin trained on FaceForensics++ and tested on its unseen people; macro-F1 by video.
- hybrid: trained on FaceForensics++ alone, and on it and DFDC together with as many samples an epoch, both tested on
  all of Celeb-DF; macro-F1 by video. The three have no photograph in common.
- self_blended: trained on the genuine crops of FaceForensics++ alone, tested on its forgeries; AUC by video.

The best checkpoint is chosen on validation data, never on what is reported. Writes one summary with every figure beside
its bar, and ends with exit code 1 if one is missed. Replicas are synthetic: the figures say how the parts work together
and nothing about real forgeries.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from zoo.cli._controls import add_control_arguments, conclude, count_photographs, cut_crops, measure_all, run_zoo
from zoo.errors import ConfigError

CLAIMS: Final = ("baseline", "hybrid", "self_blended")
BASELINE_BAR: Final = 0.85
GAIN_BAR: Final = 0.05
SELF_BLENDED_BAR: Final = 0.80
_DRAWS: Final = 1600  # an epoch, of one corpus or of two
_SHARES: Final = 3  # of the photographs, for the corpora of the hybrid claim
_YOUTUBE: Final = 0.8  # share of the photographs that Celeb-DF's celebrities take; the others are on YouTube


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    photographs = count_photographs(options.photos)
    cases = [(claim, seed) for seed in options.seeds for claim in options.claims]
    # The self-blended detector reads the crops that the baseline's case makes.
    whole = [f"faceforensics-{seed}" for seed in options.seeds if set(options.claims) & {"baseline", "self_blended"}]
    for name, seed in zip(whole, options.seeds, strict=False):
        _crops(options.work_dir / name, "faceforensics", photographs, seed, options)

    def measure(folder: Path, case: tuple[str, int]) -> dict:
        claim, seed = case
        crops = str(options.work_dir / f"faceforensics-{seed}" / "crops")
        if claim == "hybrid":
            figures = _measure_hybrid(folder, seed, photographs, options)
        else:
            config = "dualbranch_tiny_ffpp" if claim == "baseline" else "dualbranch_tiny_sbi"
            figures = _train_and_test(folder, claim, config, seed, options, train=[crops], test=crops)
        return {"claim": claim, "seed": seed, "figures": figures}

    runs = measure_all(
        cases,
        folder_of=lambda case: options.work_dir / f"{case[0]}-{case[1]}",
        measure=measure,
        jobs=options.jobs,
        resume=options.resume,
    )
    return conclude(options.work_dir, runs, _checks(runs), show=_print, photographs=photographs)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="zoo visual-controls", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add_control_arguments(parser, name="visual-controls")
    add("--photos", type=Path, metavar="DIR", help="frontal portraits, one person each; without, all share one face")
    add("--claims", nargs="+", choices=CLAIMS, default=list(CLAIMS))
    add("--people-per-photo", type=int, default=4, metavar="N", help="invented after each photograph (default: 4)")
    add("--photographs", type=int, metavar="N", help="use no more photographs than this")
    add("--epochs", type=int, help="of every training (default: the configs')")
    return parser


def _crops(
    folder: Path, corpus: str, photographs: int, seed: int, options: argparse.Namespace, share: int | None = None
) -> Path:
    """Crops of a replica of ``corpus``, made as far as they are not there yet.

    Raises:
        ConfigError: there are too few photographs for people in each split.
    """
    least = 6 if corpus == "faceforensics" else 4
    own = photographs if share is None else len(range(share - 1, photographs, _SHARES))
    if options.photos is None:
        own = least  # people after one face, for a look at how it works
    own = min(own, options.photographs or own)
    if corpus == "celebdf":
        own = max(least, int(_YOUTUBE * own))
    own -= own % 2
    if own < least:
        raise ConfigError(
            f"{own} photographs are too few for the replica of {corpus}; it takes {least}.",
            where="--photos",
            next_step="Give more frontal portraits, one person each.",
        )
    replica, crops = folder / "replica", folder / "crops"
    each = options.people_per_photo
    people = ["--identities", str(own * each), "--people-per-photo", str(each), "--duration", "1"]
    if options.photos is not None:
        people += ["--photos", str(options.photos)]
        people += [] if share is None else ["--photo-share", f"{share}/{_SHARES}"]
    if corpus == "dfdc":
        people += ["--parts", str(own // 2)]  # its reader deals out whole parts
    workers = ["--workers", str(options.jobs)]
    run_zoo(
        folder, "make-replica", "--corpus", corpus, "--output", str(replica), "--seed", str(seed), *people, *workers
    )
    cut_crops(folder, replica, crops, workers=options.jobs)
    return crops


def _measure_hybrid(folder: Path, seed: int, photographs: int, options: argparse.Namespace) -> dict:
    """Figures on Celeb-DF after training on one corpus and on two; who is in which corpus changes with the seed."""
    crops = {
        corpus: str(_crops(folder / corpus, corpus, photographs, seed, options, share=(turn + seed) % _SHARES + 1))
        for turn, corpus in enumerate(("faceforensics", "dfdc", "celebdf"))
    }
    known, more, unseen = crops.values()
    ways = {"single": ("dualbranch_tiny_ffpp", [known]), "hybrid": ("dualbranch_tiny_hybrid", [known, more])}
    return {
        way: _train_and_test(folder, way, config, seed, options, train=train, test=unseen, whole=True)
        for way, (config, train) in ways.items()
    }


def _train_and_test(
    folder: Path,
    name: str,
    config: str,
    seed: int,
    options: argparse.Namespace,
    *,
    train: Sequence[str],
    test: str,
    whole: bool = False,
) -> dict:
    """Video figures on ``test``, all of it or its split of that name, after training on ``train``.

    The checkpoint is chosen on the validation split of the first of ``train``.
    """
    run, results = str(folder / name), folder / f"{name}.json"
    changes = [f"train_dataloader.sampler.epoch_length={_DRAWS}"] if whole else []
    if options.photos is None:  # all people share one face, which the audit would refuse
        changes += ["train_dataloader.dataset.allow_leaks=True"]
    if options.epochs is not None:
        changes += [f"{key}={options.epochs}" for key in ("train_cfg.max_epochs", "param_scheduler.0.T_max")]
        changes += [f"param_scheduler.0.end={options.epochs}"]
    overrides = ["--cfg-options", *changes] if changes else []
    data = ["--data-root", *train, "--val-data-root", train[0]]
    run_zoo(folder, "train", config, "--work-dir", run, *data, "--seed", str(seed), *overrides)
    all_of_it = ["--cfg-options", "test_dataloader.dataset.split=None"] if whole else []
    run_zoo(
        folder,
        *("test", "dualbranch_tiny_ffpp", f"{run}/best.pth", "--work-dir", run, "--data-root", test),
        *("--output", str(results), "--no-timelines", *all_of_it),
    )
    found = json.loads(results.read_text(encoding="utf-8"))
    figures = {key: found["video"][key] for key in ("auc", "macro_f1")}
    return figures | {"videos": found["video"]["n"]}


def _checks(runs: Sequence[Mapping]) -> list[dict]:
    """Every claim with its worst figure over all seeds."""
    rows = []
    by_claim: dict[str, list[Mapping]] = {}
    for run in runs:
        by_claim.setdefault(run["claim"], []).append(run["figures"])
    if found := by_claim.get("baseline"):
        rows.append(_check("baseline: macro-F1 on unseen people", [one["macro_f1"] for one in found], BASELINE_BAR))
    if found := by_claim.get("hybrid"):
        gains = [one["hybrid"]["macro_f1"] - one["single"]["macro_f1"] for one in found]
        rows.append(_check("hybrid: gain in macro-F1 on a third corpus", gains, GAIN_BAR))
    if found := by_claim.get("self_blended"):
        rows.append(_check("self_blended: AUC on unseen methods", [one["auc"] for one in found], SELF_BLENDED_BAR))
    return rows


def _check(name: str, values: Sequence[float], bar: float) -> dict:
    mean = sum(values) / len(values)
    return {"name": name, "worst": min(values), "mean": mean, "bar": f">= {bar}", "holds": min(values) >= bar}


def _print(runs: Sequence[Mapping], checks: Sequence[Mapping]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("seed", "trained", "videos", "macro-F1", "AUC", title="By video, on people that training never saw")
    for run in sorted(runs, key=lambda run: run["seed"]):
        ways = run["figures"] if run["claim"] == "hybrid" else {run["claim"]: run["figures"]}
        for way, one in ways.items():
            name = f"{way}, on Celeb-DF" if run["claim"] == "hybrid" else way
            table.add_row(str(run["seed"]), name, str(one["videos"]), f"{one['macro_f1']:.3f}", f"{one['auc']:.3f}")
    console = Console()
    console.print(table)
    table = Table("claim", "worst", "mean", "bar", "holds")
    for check in checks:
        holds = "yes" if check["holds"] else "NO"
        table.add_row(check["name"], f"{check['worst']:.3f}", f"{check['mean']:.3f}", check["bar"], holds)
    console.print(table)
