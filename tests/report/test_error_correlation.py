"""The picture of errors in common: a file of the kind that its name says."""

import pytest

from zoo.report.error_correlation import draw_error_correlation

TOLD = {
    "members": ["sight", "sound"],
    "matrix": [[1.0, None], [None, 1.0]],
    "videos": [[12, 0], [0, 9]],
}


@pytest.mark.parametrize(("name", "begins"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml")])
def test_the_picture_is_of_the_kind_that_is_asked_for(tmp_path, name, begins):
    draw_error_correlation(tmp_path / name, TOLD)
    assert (tmp_path / name).read_bytes().startswith(begins)
    assert [path.name for path in tmp_path.iterdir()] == [name]
