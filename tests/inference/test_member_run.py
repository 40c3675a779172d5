"""What a member's predictions are kept under, and which clips it has nothing to say of."""

from types import SimpleNamespace

import pyarrow as pa
from ensemble_helpers import clip, make_world, told

from zoo.inference.ensembles.member_run import (
    MemberRun,
    Predicted,
    find_kept,
    of_whole_clips,
    predict,
    warnings_of_members,
)
from zoo.inference.ensembles.settings import Member
from zoo.predictions import read_predictions, write_predictions


def dataset_of(**columns):
    columns = {"video_id": pa.array([clip(index) for index in range(3)], pa.large_string()), **columns}
    return SimpleNamespace(streams=("visual", "audio"), source=SimpleNamespace(index=pa.table(columns)))


def test_a_detector_of_both_streams_is_mute_where_one_is_absent(tmp_path):
    write_predictions(tmp_path / "a.parquet", [told(clip(index), 0.25 * index) for index in range(3)])
    table = read_predictions(tmp_path / "a.parquet")
    dataset = dataset_of(visual_frames=[5, 5, 0], audio_frames=[5, 0, 0])
    mute = of_whole_clips(table, dataset)
    assert mute.schema == table.schema
    rows = {row["video_id"]: (row["score"], row["status"]) for row in mute.to_pylist()}
    assert rows == {clip(0): (0.0, "ok"), clip(1): (None, "no_audio"), clip(2): (None, "no_visual")}
    dataset.streams = ("audio",)
    assert of_whole_clips(table, dataset) is table
    assert of_whole_clips(table, object()) is table
    assert of_whole_clips(table, dataset_of()).equals(table)


def test_predictions_are_kept_by_all_that_shapes_them(tmp_path):
    world = make_world(tmp_path)

    def run(**changes):
        facts = {
            "name": "sight",
            "config": str(world / "visual.py"),
            "checkpoint": world / "visual.pth",
            "data_root": str(world / "tree"),
        }
        options = {"split": changes.pop("split", "val"), "folder": tmp_path / "members"}
        return MemberRun(member=Member(**facts | changes), **options)

    assert find_kept(run()) is None
    made = predict(run())
    assert not made.cached
    kept = find_kept(run())
    assert kept.cached and kept.table.equals(made.table) and kept.facts == made.facts
    assert find_kept(run(split="test")) is None
    assert find_kept(run(options={"val_dataloader.dataset.seq_len": 5})) is None
    assert find_kept(run(options={"val_dataloader.num_workers": 1})) is not None
    assert find_kept(run(checkpoint=world / "audio.pth")) is None
    next((tmp_path / "members").glob("*.parquet")).write_bytes(b"cut off")
    assert find_kept(run()) is None


def test_a_warning_is_said_once():
    table = pa.table({})
    said = {name: ["both"] if name != "c" else ["both", "one"] for name in "abc"}
    predicted = {
        name: Predicted(name=name, table=table, facts={"warnings": warnings}, cached=True)
        for name, warnings in said.items()
    }
    assert warnings_of_members(predicted) == ["a, b, c: both", "c: one"]
