"""The report: its sections, its independence of the outside, its escaping, its plugins."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pyarrow as pa
import pytest

from zoo.errors import DataError
from zoo.metrics.summary import summarize
from zoo.metrics.table import SCHEMA, TIMELINE
from zoo.plugins import Section, catalog
from zoo.predictions import write_predictions
from zoo.report import Run
from zoo.report.build import report_html, write_report
from zoo.report.run import read_run

VOID = {"meta", "link", "br", "img", "hr", "input"}


class Outline(HTMLParser):
    """Checks that tags nest; collects ids, headings, tags with attributes, and text."""

    def __init__(self, page):
        super().__init__()
        self.open, self.ids, self.headings, self.tags, self.text = [], [], [], [], []
        self.feed(page)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)


def predictions(*, methods=("real", "swap", "lips"), videos=8, timeline=True):
    rng = np.random.default_rng(0)
    rows = []
    for method in methods:
        for video in range(videos):
            for clip in range(2):
                video_id = f"toy/{method}/{video:03d}"
                score = float(np.clip(rng.normal(0.25 if method == "real" else 0.75, 0.2), 0, 1))
                times = (2.0 * clip, 2.0 * clip + 2)
                label = int(method != "real")
                values = (f"{video_id}#{clip}", video_id, "toy", method, label, score, *times, "ok")
                row = dict(zip(SCHEMA.names, values, strict=True))
                rows.append(row | ({"timeline": rng.random(20).tolist()} if timeline else {}))
    return pa.Table.from_pylist(rows, schema=SCHEMA.append(TIMELINE) if timeline else SCHEMA)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run's folder as train and test leave it."""
    folder = tmp_path_factory.mktemp("run")
    table = predictions()
    write_predictions(folder / "predictions.parquet", table)
    facts = {
        "experiment": "toy run",
        "model": {"type": "CrossModalTransformer", "parameters": 1234567},
        "environment": {"torch": "2.9"},
        "warnings": ["Mind the gap."],
    }
    (folder / "results.json").write_text(json.dumps({**summarize(table), **facts}))
    for session, steps in (("20260101_000000", range(1, 11)), ("20260102_000000", range(8, 21))):
        log = folder / session / "vis_data" / "scalars.json"
        log.parent.mkdir(parents=True)
        lines = [
            {"train/loss": 1 / step + (session > "20260101_9"), "train/lr": 1e-3, "step": step} for step in steps
        ] + [{"val/video/auc": 0.9, "val/video/eer": float("nan"), "step": steps[-1]}]
        log.write_text("\n".join(map(json.dumps, lines)) + '\n{"train/loss": 0.')  # cut off by a kill
    (folder / "toy.py").write_text("model = dict(type='<CrossModalTransformer>')\n")
    return folder


@pytest.fixture(scope="module")
def page(folder, tmp_path_factory):
    return write_report(folder, tmp_path_factory.mktemp("out") / "report.html").read_text()


def test_it_has_all_its_sections(page):
    outline = Outline(page)
    assert outline.headings == [
        "Summary",
        "Training",
        "Evaluation",
        "Methods",
        "Score timelines",
        "Environment",
        "Config",
    ]
    text = " ".join("".join(outline.text).split())
    for words in (
        "toy run",
        "1 234 567",
        "ROC",
        "Precision and recall",
        "Scores by class",
        "Confusion",
        "Mind the gap.",
    ):
        assert words in text, words
    figures = [tag for tag in outline.tags if tag[0] == "svg"]
    assert len(figures) == 3 + 3 + 6  # training, evaluation, timelines
    assert all(attrs["role"] == "img" and attrs["aria-label"] for _, attrs in figures)


def test_it_needs_nothing_from_outside(page):
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", page)
    for tag, attrs in Outline(page).tags:
        assert tag not in ("script", "iframe", "object", "embed", "img", "base")
        for name in ("src", "href", "xlink:href", "srcset"):
            assert attrs.get(name, "#").startswith(("#", "data:,")), (tag, attrs)
    assert len(page.encode()) < 5_000_000


def test_anchors_and_pictures_do_not_collide(page):
    outline = Outline(page)
    assert len(outline.ids) > 50
    assert len(outline.ids) == len(set(outline.ids))
    targets = {attrs["href"][1:] for tag, attrs in outline.tags if attrs.get("href", "").startswith("#")}
    assert targets
    assert targets <= set(outline.ids)


def test_it_is_made_for_keyboards_printers_and_the_dark(page):
    outline = Outline(page)
    assert ("a", {"class": "skip", "href": "#content"}) in outline.tags
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page
    regions = [attrs for tag, attrs in outline.tags if attrs.get("class") == "scroll"]
    assert regions
    assert all(attrs["tabindex"] == "0" and attrs["aria-label"] for attrs in regions)
    assert not re.search(r"#01020[3-8]", page)  # every stand-in colour became one of the page's


def test_the_figures_shown_are_those_of_the_predictions(folder, page):
    video = summarize(read_run(folder).predictions)["video"]
    text = "".join(Outline(page).text)
    assert f"{video['auc']:.3f}" in text
    assert f"by video, AUC {video['auc']:.3f}" in text
    (tn, fp), _ = video["confusion_matrix"]
    assert re.search(rf"is real\s+{tn}\s*{100 * tn / (tn + fp):.1f}%", text)


def test_the_same_run_gives_the_same_bytes(folder, page):
    assert report_html(read_run(folder)) == page


def test_what_users_write_is_escaped():
    name = "<script>alert(1)</script>"
    table = predictions(methods=("real", name), videos=2)
    run = Run(name=name, predictions=table, results={"warnings": [name]}, config=name)
    page = report_html(run)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    Outline(page)


def test_one_class_has_reasons_and_no_curves():
    page = report_html(Run(name="reals", predictions=predictions(methods=("real",))))
    text = " ".join("".join(Outline(page).text).split())
    assert "undefined at the level of video: no fake sample among 8 (real only)" in text
    assert "Precision and recall" not in text
    assert "Scores by class" in text


def test_no_sample_with_a_score_is_still_a_report():
    rows = predictions(timeline=False)
    rows = rows.set_column(5, "score", pa.nulls(len(rows), pa.float64()))
    rows = rows.set_column(8, "status", pa.array(["no_face"] * len(rows)))
    text = "".join(Outline(report_html(Run(name="blind", predictions=rows))).text)
    assert "48 no_face" in text


def test_training_alone_is_a_report_and_an_empty_folder_is_an_error(folder, tmp_path):
    (tmp_path / "a" / "vis_data").mkdir(parents=True)
    with pytest.raises(DataError, match="Nothing to report"):
        read_run(tmp_path)
    with pytest.raises(DataError, match="No such run folder"):
        read_run(tmp_path / "none")
    (tmp_path / "a" / "vis_data" / "scalars.json").write_text('{"train/loss": 1.0, "step": 10}\n')
    assert Outline(report_html(read_run(tmp_path))).headings == ["Training"]


def test_a_resumed_session_overrides_repeated_steps_and_nan_is_left_out(folder):
    curves = read_run(folder).curves
    assert list(curves["train/loss"]) == list(range(1, 21))
    assert curves["train/loss"][7] == pytest.approx(1 / 7)
    assert curves["train/loss"][8] == pytest.approx(1 / 8 + 1)
    assert curves["val/video/auc"] == {10: 0.9, 20: 0.9}
    assert "val/video/eer" not in curves


@pytest.mark.parametrize("text", ["{", "[]"])
def test_broken_results_are_named(tmp_path, text):
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(DataError, match="results") as caught:
        read_run(tmp_path)
    assert caught.value.where == str(tmp_path / "results.json")


def test_results_of_other_predictions_are_noticed():
    other = summarize(predictions(videos=3))
    assert "do not belong" in Run(name="x", predictions=predictions(), results=other).warnings[0]
    assert Run(name="x", predictions=predictions(), results=summarize(predictions())).warnings == []


def test_plugins_add_sections_and_a_broken_one_leaves_a_note(monkeypatch):
    def good(run):
        return [Section("Summary", f"<p>{run.name} by a plugin</p>", order=5)]

    def broken(run):
        raise RuntimeError("no <luck>")

    good.__module__, broken.__module__ = "good_plugin", "broken_plugin"
    monkeypatch.setattr(catalog(), "section_hooks", [*catalog().section_hooks, good, broken])
    outline = Outline(report_html(Run(name="toy", predictions=predictions())))
    assert outline.headings[:2] == ["Summary", "Summary"]
    assert {"summary", "summary-2"} <= set(outline.ids)
    text = "".join(outline.text)
    assert "toy by a plugin" in text
    assert "broken_plugin could not add its section: RuntimeError: no <luck>" in text


def test_the_command_takes_results_that_lie_elsewhere(folder, tmp_path, capsys):
    from zoo.cli.report import main

    run = tmp_path / "run"
    (run / "a" / "vis_data").mkdir(parents=True)
    (run / "a" / "vis_data" / "scalars.json").write_text('{"train/loss": 1.0, "step": 10}\n')
    elsewhere = ("--results", str(folder / "results.json"), "--predictions", str(folder / "predictions.parquet"))
    assert main([str(run), *elsewhere, "--output", str(tmp_path / "r.html")]) == 0
    assert {"Summary", "Training", "Evaluation"} <= set(Outline((tmp_path / "r.html").read_text()).headings)
    assert "r.html" in capsys.readouterr().out
    with pytest.raises(DataError, match="Cannot read the results"):
        main([str(run), "--results", str(tmp_path / "none.json")])
