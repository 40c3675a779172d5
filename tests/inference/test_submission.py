"""Submissions: rows, names and columns, and samples that do not match."""

import pytest

from zoo.errors import DataError
from zoo.inference.submission import form_like, plain_form, read_columns, write_submission

INPUTS = ("a/x.mp4", "b/y.mp4", "b/z.png")


def sample(folder, text):
    path = folder / "sample.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_sample_rows_are_the_files(tmp_path):
    write_submission(tmp_path / "s.csv", plain_form(INPUTS), {"a/x.mp4": 1e-9, "b/y.mp4": 1, "b/z.png": 1 / 3})
    assert (tmp_path / "s.csv").read_text() == "filename,label\na/x.mp4,1e-09\nb/y.mp4,1\nb/z.png,0.333333333\n"
    form = plain_form(INPUTS, columns=("id", "score"), naming="stem")
    assert form.columns == ("id", "score") and [name for name, _ in form.rows] == ["x", "y", "z"]


@pytest.mark.parametrize(
    "names", [("b/z.png", "a/x.mp4", "b/y.mp4"), ("z.png", "x.mp4", "y.mp4"), ("z", "x", "y"), ("b/z", "a/x", "b/y")]
)
def test_a_sample_gives_columns_names_and_order(names, tmp_path):
    path = sample(tmp_path, "\ufeffid,score\r\n" + "".join(f"{name},0.5\r\n" for name in names))
    form = form_like(path, INPUTS)
    assert form.columns == ("id", "score")
    assert form.rows == list(zip(names, ("b/z.png", "a/x.mp4", "b/y.mp4"), strict=True))


def test_one_error_names_a_few_of_what_lacks_and_what_is_too_many(tmp_path):
    path = sample(tmp_path, "id,score\nx.mp4,0\n" + "".join(f"n{k}.mp4,0\n" for k in range(9)))
    with pytest.raises(DataError) as caught:
        form_like(path, INPUTS)
    assert "9 of its 10 names are not in the data (n0.mp4, n1.mp4, n2.mp4, ...)" in caught.value.what
    assert "2 files of the data are not in it (b/y.mp4, b/z.png)" in caught.value.what


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "0 columns, not two"),
        ("id,score\n", "no rows"),
        ("id,real,fake\nx,0,1\n", "3 columns, not two"),
        ("id,score\nx,0\ny\n", "Row 3 of the sample"),
        ("id,score\nx,0\ny,0\nx,0\n", r"names files twice \(x\)"),
    ],
)
def test_no_list_of_names(text, what, tmp_path):
    with pytest.raises(DataError, match=what):
        form_like(sample(tmp_path, text), INPUTS)


def test_binary_content_is_no_sample(tmp_path):
    (tmp_path / "s.csv").write_bytes(b"id,score\n\xff\xfe\x00,0\n")
    with pytest.raises(DataError, match="cannot be read"):
        form_like(tmp_path / "s.csv", INPUTS)


def test_columns_that_differ_from_the_sample_are_refused(tmp_path):
    path = sample(tmp_path, "id,score\nx,0\ny,0\nz,0\n")
    with pytest.raises(DataError, match="columns id,score, not filename,label"):
        form_like(path, INPUTS, columns=read_columns("filename, label"))
    for text in ("a", "a,b,c", "a,", "a,a"):
        with pytest.raises(DataError, match="two names"):
            read_columns(text)


def test_two_files_of_one_name_are_refused():
    with pytest.raises(DataError, match=r"a/x\.mp4 and b/x\.png have one name"):
        plain_form(["a/x.mp4", "b/x.png"], naming="stem")


def test_two_files_of_one_name_are_refused_under_a_sample_too(tmp_path):
    with pytest.raises(DataError, match="have one name"):
        form_like(sample(tmp_path, "id,score\nx,0\n"), ["a/x.mp4", "b/x.png"])
