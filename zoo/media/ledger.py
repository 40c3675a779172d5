"""The decode ledger: what a result is based on, since decoders lose frames without an exception."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Final

_MOST_ERRORS: Final = 20


@dataclass(slots=True, kw_only=True)
class DecodeLedger:
    """What a file promised for the stretch that was asked for, and what the decoder gave.

    Attributes:
        expected_frames: pictures that the container lists.
        decoded_frames: pictures that came out.
        damaged_frames: of those, pictures that the decoder marked as patched up.
        gaps: (start_s, end_s) where listed pictures or sound are missing, in order of discovery.
        errors: the first messages of the demuxer and the decoders; ``more_errors`` counts the rest.
        audio_expected_s: seconds of sound that the container lists.
        audio_decoded_s: seconds of sound that came out.
        audio_slack_s: how much sound may miss without anything being lost (encoder delay, last packet).
    """

    expected_frames: int = 0
    decoded_frames: int = 0
    damaged_frames: int = 0
    gaps: list[tuple[float, float]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    more_errors: int = 0
    audio_expected_s: float = 0.0
    audio_decoded_s: float = 0.0
    audio_slack_s: float = 0.0

    @property
    def complete(self) -> bool:
        """Whether everything that was listed came out, whole and in order."""
        return (
            not self.errors
            and not self.gaps
            and not self.damaged_frames
            and self.decoded_frames >= self.expected_frames
            and self.audio_decoded_s >= self.audio_expected_s - self.audio_slack_s
        )

    def note(self, error: object) -> None:
        """Record a fault that did not end the decoding."""
        if len(self.errors) < _MOST_ERRORS:
            self.errors.append(str(error))
        else:
            self.more_errors += 1

    def merged(self, other: DecodeLedger) -> DecodeLedger:
        """One ledger for both, e.g. for a file's pictures and its sound."""
        mine, its = asdict(self), asdict(other)
        return DecodeLedger(**{name: mine[name] + its[name] for name in mine})

    def summary(self) -> str:
        """One line, e.g. ``248 of 250 frames, 1 gap, 10.0 of 10.0 s of sound, 2 errors (first: ...)``."""
        parts = []
        if self.expected_frames or self.decoded_frames:
            parts.append(f"{self.decoded_frames} of {self.expected_frames} frames")
        if self.damaged_frames:
            parts.append(f"{self.damaged_frames} damaged")
        if self.audio_expected_s or self.audio_decoded_s:
            parts.append(f"{self.audio_decoded_s:.2f} of {self.audio_expected_s:.2f} s of sound")
        if self.gaps:
            parts.append(f"{len(self.gaps)} gap{'s' if len(self.gaps) > 1 else ''}")
        if self.errors:
            count = len(self.errors) + self.more_errors
            parts.append(f"{count} error{'s' if count > 1 else ''} (first: {self.errors[0]})")
        return ", ".join(parts) or "nothing decoded"

    def to_dict(self) -> dict:
        """Plain types only, with ``complete`` and ``summary``."""
        return {
            **asdict(self),
            "gaps": [list(gap) for gap in self.gaps],
            "complete": self.complete,
            "summary": self.summary(),
        }
