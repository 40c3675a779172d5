"""A section of the report: the videos whose own samples disagree most."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from zoo.plugins import Section

if TYPE_CHECKING:
    from zoo.report.run import Run

_MOST = 10


def contested_section(run: Run) -> Iterator[Section]:
    """The ten videos whose samples' scores lie furthest apart; nothing for a run without several samples a video."""
    if run.predictions is None:
        return
    from acme_deepfakes.spread import contested_within, mean_spread

    videos = contested_within(run.predictions)
    if not videos:
        return
    rows = "\n".join(
        f"<tr><td>{escape(video.video_id)}</td><td>{escape(video.method)}</td><td>{video.truth}</td>"
        f"<td>{min(video.scores.values()):.3f}</td><td>{max(video.scores.values()):.3f}</td></tr>"
        for video in videos[:_MOST]
    )
    split = sum(video.is_split(run.threshold) for video in videos)
    html = (
        f"<p>In {split} of {len(videos)} videos some samples are called real and some fake; lowest and highest score "
        f"lie {mean_spread(videos):.3f} apart on average. The furthest:</p>\n"
        "<table><thead><tr><th>Video</th><th>Method</th><th>Truth</th><th>Lowest</th><th>Highest</th></tr></thead>\n"
        f"<tbody>{rows}</tbody></table>"
    )
    yield Section("Contested videos", html, order=45)
