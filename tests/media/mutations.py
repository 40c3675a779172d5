"""Seeded damage to files, and what is left of their frames and sound."""

import random
from pathlib import Path

from zoo.errors import MediaError
from zoo.media.audio import read_audio
from zoo.media.decode import read_frames


def mutate(data: bytes, seed: int) -> bytes:
    """``data`` with one to three faults: bytes changed, or a block zeroed, cut out, doubled, swapped; or cut short."""
    rng = random.Random(seed)
    for _ in range(rng.randint(1, 3)):
        at, size = rng.randrange(len(data)), rng.choice((1, 4, 16, 64, 256, 1024))
        block = data[at : at + size]
        fault = rng.choice(("bytes", "bits", "zeros", "noise", "cut", "double", "swap", "truncate"))
        if fault == "bytes":
            changed = bytearray(data)
            for _ in range(rng.randint(1, 40)):
                changed[rng.randrange(len(changed))] = rng.randrange(256)
            data = bytes(changed)
        elif fault == "bits":
            changed = bytearray(data)
            changed[at] ^= 1 << rng.randrange(8)
            data = bytes(changed)
        elif fault == "zeros":
            data = data[:at] + bytes(len(block)) + data[at + size :]
        elif fault == "noise":
            data = data[:at] + rng.randbytes(len(block)) + data[at + size :]
        elif fault == "cut":
            data = data[:at] + data[at + size :]
        elif fault == "double":
            data = data[:at] + block + data[at:]
        elif fault == "swap":
            other = rng.randrange(len(data))
            first, second = sorted((at, other))
            one, two = data[first : first + 64], data[max(second, first + 64) : max(second, first + 64) + 64]
            rest = max(second, first + 64)
            data = data[:first] + two + data[first + 64 : rest] + one + data[rest + 64 :]
        elif rng.random() < 0.3:
            data = data[: max(at, 1)]
    return data


def examine(payload: dict) -> dict:
    """Mutate a file and read it: what came out, and whether the ledgers own up to what did not.

    Payload: ``source``, ``seed``, ``scratch`` (folder).

    Returns:
        ``status`` if it is refused, else ``frames``, ``audio_s``, ``complete`` and ``summary``.
    """
    path = Path(payload["scratch"]) / f"{payload['seed']}.bin"
    path.write_bytes(mutate(Path(payload["source"]).read_bytes(), payload["seed"]))
    try:
        video, audio = read_frames(path), read_audio(path)
    except MediaError as error:
        return {"status": error.status}
    finally:
        path.unlink()
    ledger = video.ledger.merged(audio.ledger)
    return {
        "frames": len(video.frames),
        "audio_s": ledger.audio_decoded_s,
        "complete": ledger.complete,
        "summary": ledger.summary(),
    }
