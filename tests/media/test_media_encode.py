import numpy as np
import pytest
from media_helpers import chirp, numbered

from zoo.errors import MediaError, WorkDirError
from zoo.media.encode import write_video


def test_equal_input_gives_equal_bytes(tmp_path):
    for name in ("one.mp4", "two.mp4"):
        assert write_video(tmp_path / name, map(numbered, range(30)), audio=chirp(1.2)) == 30
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()
    write_video(tmp_path / "other.mp4", map(numbered, range(1, 31)), audio=chirp(1.2))
    assert (tmp_path / "one.mp4").read_bytes() != (tmp_path / "other.mp4").read_bytes()


def test_a_failing_source_leaves_the_old_file_and_nothing_else(tmp_path):
    def frames():
        yield numbered(0)
        raise RuntimeError("the renderer failed")

    (tmp_path / "clip.mp4").write_bytes(b"old")
    with pytest.raises(RuntimeError, match="renderer"):
        write_video(tmp_path / "clip.mp4", frames())
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]
    assert (tmp_path / "clip.mp4").read_bytes() == b"old"


def test_a_full_disk_is_a_work_dir_error():
    with pytest.raises(WorkDirError):
        write_video("/proc/clip.mp4", map(numbered, range(3)))


@pytest.mark.parametrize(
    ("frames", "options", "words"),
    [
        ([], {}, "at least one frame"),
        ([numbered(0), numbered(0)[:30]], {}, "Frame 1"),
        ([numbered(0).astype(np.float32)], {}, "float32"),
        ([numbered(0)[:31, :95]], {}, "95 x 31"),
        ([numbered(0)] * 3, {"times": [0.0, 0.1, 0.1]}, "Frame 2"),
        ([numbered(0)], {"codec": "nonsense"}, "nonsense"),
        ([numbered(0)], {"container": "nonsense"}, "nonsense"),
        ([numbered(0)], {"audio": np.full(100, np.nan, np.float32)}, "audio"),
        ([numbered(0)], {"audio": np.zeros((100, 2), np.float32)}, "audio"),
    ],
)
def test_wrong_input_is_refused(tmp_path, frames, options, words):
    with pytest.raises(MediaError, match=words):
        write_video(tmp_path / "clip.mp4", frames, **options)
    assert not list(tmp_path.iterdir())


def test_frames_are_taken_one_at_a_time(tmp_path):
    alive = 0
    most = 0

    class Counted(np.ndarray):
        def __del__(self):
            nonlocal alive
            alive -= 1

    def frames():
        nonlocal alive, most
        for number in range(200):
            alive += 1
            most = max(most, alive)
            yield numbered(number).view(Counted)

    write_video(tmp_path / "clip.mp4", frames(), audio=chirp(8.0))
    assert most < 20
