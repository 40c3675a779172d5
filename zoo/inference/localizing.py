"""What a worker does with one video: its features window by window, and where a detector finds it fake."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import torch
from scipy.special import expit

from zoo.detectors.base import Detector, Inputs
from zoo.detectors.long_clips import head_of, localize
from zoo.detectors.proposals import ProposalDecoder
from zoo.detectors.stitching import plan_windows
from zoo.faces.crop import cut_faces
from zoo.features.extractor import Extractor
from zoo.features.long_video import LongVideo
from zoo.features.windows import STREAMS
from zoo.files import atomic_write
from zoo.media.choice import AtTimes
from zoo.media.decode import iter_frames
from zoo.media.limits import DEFAULT_LIMITS, Limits
from zoo.structures import FaceTrack, Segment, VideoRecord

Row: TypeAlias = tuple[float, float, float, str | None]
"""Start and end in seconds, score, modality."""

LEAST_SCORE: Final = 0.05
"""Segments below it are not kept."""
_DECODED_S: Final = 60.0  # a decoder's numbers of candidates and proposals are meant for clips up to this long
_THUMBNAILS: Final = 10
_THUMBNAIL: Final = 72  # pixels
_INPUTS: Final = ("visual", "visual_mask", "audio", "audio_mask")
_SHORTEST_GAP_S: Final = 0.06


class LocalizeJob:
    """Callable with a `VideoRecord`; picklable, keeps its networks from video to video.

    Args:
        load: makes the detector, in evaluation mode.
        extractor: of the features that it takes.
        window: frames that are seen together.
        overlap: frames that neighbouring windows share at least.
        timelines: folder for what a picture needs: a file a video.
    """

    def __init__(
        self,
        load: Callable[[], Detector],
        extractor: Extractor,
        *,
        window: int,
        overlap: int,
        timelines: str | os.PathLike,
    ):
        self.load = load
        self.extractor = extractor
        self.window = window
        self.overlap = overlap
        self.timelines = Path(timelines)
        self._detector: Detector | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_detector": None}  # every worker loads its own

    def __call__(self, record: VideoRecord) -> dict[str, Any]:
        """Where ``record`` is fake, as plain values.

        Returns:
            ``status``: ``ok``, or why no frame could be judged (``no_face``, ``no_audio``, ``no_overlap``: a face and
            sound, but never at one time, ...); ``score`` of the whole in [0, 1] (None unless ok); ``segments``: rows of
            start, end (seconds), score and modality, best first, of a score of at least `LEAST_SCORE`; ``unjudged``:
            stretches of time, in seconds, without what the detector needs; ``duration_s``, ``frames``,
            ``frames_with_face``, ``audio_status``; ``note``: what decoding lost; ``timeline``: name of the file in
            ``timelines``.

        Raises:
            MediaError: the video cannot be decoded, or breaks a limit.
        """
        if self._detector is None:
            self._detector = self.load()
        detector = self._detector
        video = LongVideo(record.path, self.extractor)
        windows = plan_windows(len(video.times), size=self.window, overlap=self.overlap)
        video.plan([(window.start, window.stop) for window in windows])
        heard = np.zeros(len(video.times), bool)

        def read(first: int, stop: int) -> Inputs:
            features = video.read(first, stop)
            heard[first:stop] = features.audio_mask
            return {name: torch.from_numpy(np.ascontiguousarray(getattr(features, name)))[None] for name in _INPUTS}

        found = localize(
            detector,
            read,
            video.times,
            size=self.window,
            overlap=self.overlap,
            decoder=_for_long(detector.decoder, video.times),
        )
        ledger = video.finish()
        masks = {"visual": np.asarray(video.track.mask), "audio": heard}
        judged = np.isfinite(found.frame_logits) & np.all([masks[name] for name in streams_of(detector)], axis=0)
        status = "ok" if judged.any() else _status(ledger)
        logits = np.where(judged, found.frame_logits, np.nan).astype(np.float32)
        lost = [part["summary"] for part in (ledger["video"], ledger["audio"]) if part and not part["complete"]]
        return {
            "status": status,
            "score": _score(detector, logits) if status == "ok" else None,
            "segments": kept(found.segments, video.times, judged),
            "unjudged": stretches(video.times, ~judged),
            "duration_s": _end_of(video.times),
            "frames": ledger["frames"],
            "frames_with_face": ledger["frames_with_face"],
            "audio_status": ledger["audio_status"],
            "note": "; ".join(lost),
            "timeline": self._save(record, video, expit(logits)),
        }

    def _save(self, record: VideoRecord, video: LongVideo, scores: np.ndarray) -> str:
        name = f"{hashlib.sha256(record.video_id.encode()).hexdigest()[:24]}.npz"
        faces, face_times = thumbnails(record.path, video.track, limits=self.extractor.limits)
        with atomic_write(self.timelines / name) as file:
            np.savez_compressed(
                file,
                times=video.times,
                scores=scores.astype(np.float32),
                envelope=video.envelope().astype(np.float16),
                faces=faces,
                face_times=face_times,
            )
        return name


def stretches(times: np.ndarray, where: np.ndarray) -> list[tuple[float, float]]:
    """Stretches of time, (start, end) in seconds, in which ``where`` bool [t] holds, but for very short ones."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], where, [False]]).astype(np.int8)))
    ends = np.append(times[1:], _end_of(times))
    pairs = [(float(times[first]), float(ends[stop - 1])) for first, stop in edges.reshape(-1, 2)]
    return [(start, end) for start, end in pairs if end - start > _SHORTEST_GAP_S]


def thumbnails(
    path: str | os.PathLike, track: FaceTrack, *, count: int = _THUMBNAILS, limits: Limits = DEFAULT_LIMITS
) -> tuple[np.ndarray, np.ndarray]:
    """Faces at ``count`` times spread evenly over those at which there is one.

    Returns:
        uint8 [n, 72, 72, 3] RGB and seconds [n]; fewer than ``count`` where faces or frames are few.
    """
    seen = np.flatnonzero(np.asarray(track.mask))
    rows = np.unique(seen[((np.arange(count) + 0.5) * len(seen) / count).astype(int)]) if len(seen) else seen
    times, faces, face_times = np.asarray(track.times), [], []
    wanted = iter_frames(path, choice=AtTimes(times[rows]), limits=limits) if len(rows) else ()
    for time, frame in wanted:
        box = np.asarray(track.boxes[np.abs(times - time).argmin()])
        faces += [cut_faces(frame[None], box[None], size=_THUMBNAIL, margin=1.3)[0]]
        face_times.append(time)
    shown = np.stack(faces) if faces else np.zeros((0, _THUMBNAIL, _THUMBNAIL, 3), np.uint8)
    return shown, np.array(face_times, np.float64)


def streams_of(detector: Detector) -> Sequence[str]:
    """What ``detector`` must see and hear of a moment to judge it: ``visual``, ``audio`` or both."""
    modality = getattr(detector, "modality", None)
    return STREAMS if modality is None else (modality,)


def kept(segments: Sequence[Segment], times: np.ndarray, judged: np.ndarray) -> list[Row]:
    """Rows of the segments that are worth keeping, and of whose frames at least half are ``judged`` (bool [t])."""
    known = np.concatenate([[0], np.cumsum(judged)])
    rows: list[Row] = []
    for one in segments:
        first, stop = np.searchsorted(times, (one.start_s, one.end_s))
        stop = max(int(stop), int(first) + 1)
        share = (known[min(stop, len(judged))] - known[min(first, len(judged) - 1)]) / (stop - first)
        if one.score >= LEAST_SCORE and share >= 0.5:
            rows.append((one.start_s, one.end_s, one.score, one.modality))
    return rows


def _score(detector: Detector, logits: np.ndarray) -> float:
    """The score of a video in [0, 1], by the frame logits [t], NaN where a frame is not judged."""
    mask = torch.from_numpy(np.isfinite(logits))[None]
    with torch.inference_mode():
        return float(head_of(detector).pool(torch.from_numpy(np.nan_to_num(logits))[None], mask).sigmoid())


def _for_long(decoder: ProposalDecoder, times: np.ndarray) -> ProposalDecoder:
    """``decoder`` made to propose as many segments a minute as it otherwise does a clip."""
    longer = max(1.0, (times[-1] - times[0]) / _DECODED_S)
    return replace(
        decoder, max_proposals=round(decoder.max_proposals * longer), candidates=round(decoder.candidates * longer)
    )


def _status(ledger: dict[str, Any]) -> str:
    if not ledger["frames_with_face"]:
        return "no_face"
    return "no_overlap" if ledger["audio_status"] == "ok" else str(ledger["audio_status"])


def _end_of(times: np.ndarray) -> float:
    return float(times[-1] + (np.median(np.diff(times)) if len(times) > 1 else 0.0))
