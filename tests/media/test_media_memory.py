import subprocess
import sys
import textwrap

import pytest
from media_helpers import numbered

from zoo.media.encode import write_video


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kilobytes on Linux")
def test_memory_does_not_grow_with_the_length_of_a_video(tmp_path):
    def most_kilobytes(frames):
        path = tmp_path / f"{frames}.mp4"
        picture = numbered(7).repeat(8, axis=0).repeat(8, axis=1)  # 768 x 256: 0.6 MB each
        write_video(path, (picture for _ in range(frames)), preset="ultrafast", gop=50)
        script = f"""
            import resource
            from zoo.media.decode import iter_frames, read_frames
            assert sum(1 for _ in iter_frames({str(path)!r})) == {frames}
            assert len(read_frames({str(path)!r}, count=4).frames) == 4
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        """
        ran = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True
        )
        return int(ran.stdout)

    assert most_kilobytes(6000) - most_kilobytes(100) < 20_000  # all pictures would be 3.5 GB
