"""``examples/task.ipynb`` runs from its config cell to a valid submission, on videos of a replica corpus."""

import csv
import json
import os
from pathlib import Path

import pytest

pytest.importorskip("nbclient")
pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")
pytest.importorskip("facenet_pytorch")
pytest.importorskip("skimage")

import nbclient
import nbformat
from infer_helpers import SIZE, trained_on, write_checkpoint

from zoo.faces.pipeline import FaceCropper
from zoo.media.choice import Evenly
from zoo.registry import build

NOTEBOOK = Path(__file__).parents[2] / "examples" / "task.ipynb"


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    """Folder with ``best.pth``, two videos in ``data`` and ``sample.csv``."""
    folder = tmp_path_factory.mktemp("task")
    replica = {"type": "CelebDFReplica", "identities": 2, "duration_s": 1.0, "frame_size": (320, 180)}
    build("replica", replica).write(folder / "corpus")
    (folder / "data").mkdir()
    for number, path in enumerate(sorted((folder / "corpus" / "Celeb-real").glob("*.mp4"))[:2]):
        path.rename(folder / "data" / f"{number}.mp4")
    cropper = FaceCropper(detector=build("face_detector", {"type": "MTCNNDetector"}), choice=Evenly(2), image_size=SIZE)
    write_checkpoint(folder / "best.pth", provenance=trained_on(**cropper.provenance()))
    (folder / "sample.csv").write_text("filename,label\n1.mp4,0\n0.mp4,0\n")
    return folder


def executed(folder, **config):
    """The notebook after it ran in ``folder`` with ``config`` in place of its own."""
    book = nbformat.read(NOTEBOOK, as_version=4)
    place = next(number for number, cell in enumerate(book.cells) if cell.source.startswith("# CONFIG"))
    changed = "\n".join(f"{name} = {value!r}" for name, value in config.items())
    book.cells.insert(place + 1, nbformat.v4.new_code_cell(changed))
    client = nbclient.NotebookClient(
        book, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    return book


def text_of(book):
    return "".join(output.get("text", "") for cell in book.cells if cell.cell_type == "code" for output in cell.outputs)


def test_it_ends_with_a_valid_submission_and_a_look_at_it(task, monkeypatch):
    root = str(NOTEBOOK.parents[1])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([root, os.environ.get("PYTHONPATH", "")]))
    config = {"checkpoint_path": "best.pth", "data_dir": "data", "sample_submission": "sample.csv"}
    book = executed(task, more_options=["--num-workers", "0"], **config)
    with open(task / "submission.csv", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["filename", "label"] and [name for name, _ in rows] == ["1.mp4", "0.mp4"]
    assert all(0 <= float(score) <= 1 for _, score in rows)
    shown = text_of(book)
    for line in ("'detector': 'MTCNNDetector'", "submission.csv: 2 rows of filename,label, valid", "most fake:"):
        assert line in shown
    assert any("image/png" in output.get("data", {}) for cell in book.cells for output in cell.get("outputs", []))


def test_what_is_in_git_has_no_outputs_and_one_config_cell():
    book = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    cells = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    config = "".join(cells[0]["source"])
    assert config.startswith("# CONFIG")
    for name in ("checkpoint_path", "data_dir", "output_path", "sample_submission"):
        assert f"\n{name} = " in config
