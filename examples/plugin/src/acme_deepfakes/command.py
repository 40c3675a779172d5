"""``zoo disagreements FILE FILE ...``: the videos on which detectors disagree most, out of their predictions files."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from zoo.errors import ConfigError


def main(argv: Sequence[str] | None = None) -> int:
    """Print a line a video, the largest difference of scores first."""
    parser = argparse.ArgumentParser(prog="zoo disagreements", description=__doc__)
    parser.add_argument("files", nargs="+", metavar="[NAME=]FILE", help="predictions, .parquet or .csv")
    parser.add_argument("--most", type=int, default=20, metavar="N", help="lines at most (default: 20)")
    parser.add_argument("--threshold", type=float, default=0.5, help="score from which a video is called fake")
    parser.add_argument("--split-only", action="store_true", help="only videos that some call real and some fake")
    options = parser.parse_args(argv)
    files = _named(options.files)
    from acme_deepfakes.spread import contested_between, mean_spread
    from zoo.predictions import read_predictions

    videos = contested_between({name: read_predictions(path) for name, path in files.items()})
    split = sum(video.is_split(options.threshold) for video in videos)
    print(
        f"{len(videos)} videos scored by two or more; {split} called both real and fake; "
        f"mean difference {mean_spread(videos):.3f}"
    )
    chosen = [video for video in videos if not options.split_only or video.is_split(options.threshold)]
    for video in chosen[: options.most]:
        scores = "  ".join(f"{name} {score:.3f}" for name, score in video.scores.items())
        print(f"{video.spread:.3f}  {video.truth}  {video.corpus}  {video.video_id}  {scores}")
    return 0


def _named(files: Sequence[str]) -> dict[str, Path]:
    """Paths by the name before ``=``, or by the file's own."""
    named: dict[str, Path] = {}
    for text in files:
        name, sign, path = text.rpartition("=")
        name = name if sign else Path(path).stem
        if name in named:
            raise ConfigError(
                f"Two files are called {name!r}.", where=path, next_step="Name them: a=one.parquet b=two.parquet"
            )
        named[name] = Path(path)
    if len(named) < 2:
        raise ConfigError("One file has nobody to disagree with.", next_step="Give two or more predictions files.")
    return named
