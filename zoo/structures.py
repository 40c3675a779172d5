"""The records that travel between rooms. Labels are 0 = real, 1 = fake everywhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    import numpy as np

REAL: Final = 0
FAKE: Final = 1
LABEL_NAMES: Final = ("real", "fake")


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of time, ``start_s`` to ``end_s`` seconds; ``score`` is in [0, 1].

    ``modality`` is ``"video"`` or ``"audio"`` where one of them is meant, None where it is both or unknown.
    """

    start_s: float
    end_s: float
    score: float = 1.0
    modality: Literal["video", "audio"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRecord:
    """One video of a corpus, as its reader describes it.

    ``video_id`` is unique in its corpus and includes the manipulation method (``ff++/Deepfakes/000_003``).
    ``identities`` are the people seen or heard; ``source_videos`` the genuine videos it was made of, and ``original``
    that one of them whose frames it shares, so that a face is in the same place in both. ``member`` is a folder inside
    the archive at ``path``, and ``mask_path`` a video of what was manipulated. ``video_fake`` and ``audio_fake`` are
    None where the corpus does not tell. A label of -1 is unknown. Times are in seconds.
    """

    video_id: str
    path: str
    corpus: str
    split: str | None
    label: int
    method: str
    identities: frozenset[str] = frozenset()
    source_videos: frozenset[str] = frozenset()
    fake_segments: tuple[Segment, ...] = ()
    video_fake: bool | None = None
    audio_fake: bool | None = None
    duration_s: float | None = None
    fps: float | None = None
    has_audio: bool | None = None
    original: str | None = None
    member: str | None = None
    mask_path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceTrack:
    """One face followed through a video: ``n`` rows in time order, one a frame.

    ``times`` are seconds [n], ``boxes`` pixels [n, 4] as x1, y1, x2, y2, ``scores`` [n] in [0, 1], and ``points``,
    where the detector gives them, pixels [n, 5, 2]: left eye, right eye, nose, left and right mouth corner, as seen
    in the picture; a point that the detector does not give is NaN. ``mask`` bool [n] is False where the face is not
    seen (None: seen everywhere). ``sources`` str [n] names the detector that each row comes from, where several were
    asked (else None), and is empty where the face is not seen. All are numpy arrays.
    """

    times: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    points: Any = None
    mask: Any = None
    sources: Any = None


@dataclass(slots=True, kw_only=True)
class ForgerySample:
    """What is known of one sample beside its tensors; the detector's ``predict`` fills ``fake_logit``.

    Times are seconds of the video's clock. ``fake_segments`` is the truth: empty where the sample is genuine
    throughout, None where it is not known. ``segments`` is what a localizing detector's ``predict`` proposes, best
    first; None of any other detector.
    """

    sample_id: str
    video_id: str
    corpus: str
    method: str
    label: int | None
    start_s: float | None = None
    end_s: float | None = None
    video_fake: bool | None = None
    audio_fake: bool | None = None
    fake_logit: float | None = None
    frame_logits: list[float] | None = None
    segments: list[Segment] | None = None
    fake_segments: tuple[Segment, ...] | None = None
    status: str = "ok"
    extra: dict = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """One row of a predictions file. ``score`` = sigmoid(fake_logit) in [0, 1], None unless ``status`` is ``ok``."""

    sample_id: str
    video_id: str
    corpus: str
    method: str
    label: int | None
    score: float | None
    start_s: float | None = None
    end_s: float | None = None
    status: str = "ok"
