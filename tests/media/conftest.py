import pytest
from media_helpers import chirp, numbered

from zoo.media.encode import write_video


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    """Two seconds at 25 frames a second, keyframes every 10, with sound."""
    path = tmp_path_factory.mktemp("media") / "clip.mp4"
    write_video(path, map(numbered, range(50)), gop=10, audio=chirp(2.0))
    return path


@pytest.fixture(scope="session")
def silent_clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("media") / "silent.mp4"
    write_video(path, map(numbered, range(10)))
    return path
