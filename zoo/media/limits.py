"""What a media file may be and how much of it is decoded: allow-lists of formats and codecs, and caps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FORMATS: Final = frozenset(
    {"mov", "mp4", "matroska", "webm", "avi", "mpegts", "mpeg", "flv", "asf", "ogg", "wav", "mp3", "flac", "aac"}
)
"""Demuxers that read one file and open no other: playlists (concat, HLS, DASH) and picture sequences are absent."""

VIDEO_CODECS: Final = frozenset(
    {"h264", "hevc", "av1", "vp8", "vp9", "mpeg1video", "mpeg2video", "mpeg4", "msmpeg4v2", "msmpeg4v3", "h263"}
    | {"flv1", "wmv1", "wmv2", "wmv3", "vc1", "mjpeg", "prores", "dnxhd", "theora", "ffv1", "huffyuv", "rawvideo"}
)
AUDIO_CODECS: Final = frozenset(
    {"aac", "mp3", "mp2", "ac3", "eac3", "opus", "vorbis", "flac", "alac", "wmav1", "wmav2", "amr_nb", "amr_wb"}
    | {"pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s32le", "pcm_u8", "pcm_f32le", "pcm_mulaw", "pcm_alaw"}
    | {"adpcm_ms", "adpcm_ima_wav"}
)

_DECODERS: Final = frozenset({"libdav1d", "libvpx", "libopus", "mp3float", "mp2float", "amrnb", "amrwb"})
"""Decoders whose name is not their codec's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Caps on one file, checked on what it declares before decoding and again on what comes out.

    The defaults admit an hour of 4K video at 60 frames a second. Pictures that are kept at once count towards
    ``max_kept_bytes``; a file read frame by frame is not bound by it.
    """

    max_file_bytes: int = 16 << 30
    max_pixels: int = 4096 * 4096
    max_duration_s: float = 3600.0
    max_frames: int = 216_000
    max_fps: float = 1000.0
    max_kept_bytes: int = 4 << 30


DEFAULT_LIMITS: Final = Limits()


def open_options(limits: Limits) -> dict[str, str]:
    """Options for ``av.open`` under which FFmpeg itself refuses other demuxers, decoders, protocols and sizes."""
    return {
        "format_whitelist": ",".join(sorted(FORMATS)),
        "protocol_whitelist": "file",
        "codec_whitelist": ",".join(sorted(VIDEO_CODECS | AUDIO_CODECS | _DECODERS)),
        "max_pixels": str(limits.max_pixels),
    }
