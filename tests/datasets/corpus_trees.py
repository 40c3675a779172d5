"""Tiny trees in the layout of each corpus; files hold a few bytes, since readers do not decode."""

import io
import json
import tarfile
from pathlib import Path

MODIFIED = {
    "real": "real",
    "real_video_fake_audio": "audio_modified",
    "fake_video_real_audio": "visual_modified",
    "fake_video_fake_audio": "both-modified",
}


def touched(root: Path, *names: str) -> Path:
    """``root`` with files of these names."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"video")
    return root


def written(path: Path, value: object) -> Path:
    """``path`` with ``value`` as JSON, or as text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


FF_PAIRS = {
    "train": [["000", "003"], ["010", "011"]],
    "val": [["020", "021"]],
    "test": [["030", "031"]],
}


def faceforensics(root: Path, *, compressions=("c23",), splits=True, methods=("Deepfakes", "FaceShifter")) -> Path:
    pairs = [pair for listed in FF_PAIRS.values() for pair in listed]
    for compression in compressions:
        folder = f"original_sequences/youtube/{compression}/videos"
        touched(root, *(f"{folder}/{number}.mp4" for pair in pairs for number in pair))
        for method in methods:
            folder = f"manipulated_sequences/{method}/{compression}/videos"
            touched(root, *(f"{folder}/{a}_{b}.mp4" for x, y in pairs for a, b in ((x, y), (y, x))))
    touched(root, "manipulated_sequences/Deepfakes/masks/videos/000_003.mp4")
    if splits:
        for split, listed in FF_PAIRS.items():
            written(root / "splits" / f"{split}.json", listed)
    return root


def faceforensics_plain(root: Path) -> Path:
    """``raw/{real,fake/<method>}``: four pairs of numbers."""
    pairs = [("000", "003"), ("010", "011"), ("020", "021"), ("030", "031")]
    touched(root, *(f"raw/real/{number}.mp4" for pair in pairs for number in pair))
    return touched(root, *(f"raw/fake/{method}/{a}_{b}.mp4" for method in ("Deepfakes", "Own") for a, b in pairs))


def dfd(root: Path, *, linked: bool = False) -> Path:
    """Twelve actors, swapped in pairs; all of them tied to one another if ``linked``."""
    actors = [f"{number:02d}" for number in range(1, 13)]
    touched(root, *(f"original_sequences/actors/c23/videos/{actor}__kitchen_pan.mp4" for actor in actors))
    others = [*actors[1:], actors[0]] if linked else [actors[index ^ 1] for index in range(12)]
    fakes = [f"{a}_{b}__kitchen_pan__ABCD12E{n % 10}.mp4" for n, (a, b) in enumerate(zip(actors, others, strict=True))]
    return touched(root, *(f"manipulated_sequences/DeepFakeDetection/c23/videos/{name}" for name in fakes))


def dfdc(root: Path, *, parts: int = 6, test: bool = False) -> Path:
    for part in range(parts):
        folder = root / f"dfdc_train_part_{part}"
        table = {}
        for family in range(2):
            table[f"real{family}.mp4"] = {"label": "REAL", "split": "train"} | ({"original": None} if family else {})
            table[f"fake{family}.mp4"] = {"label": "FAKE", "split": "train", "original": f"real{family}.mp4"}
        touched(folder, *table)
        written(folder / "metadata.json", table)
    if test:
        touched(root / "test", "aa.mp4", "bb.mp4")
        written(root / "test" / "labels.csv", "filename,label\naa.mp4,1\nbb.mp4,0\n")
    return root


def kaggle(root: Path) -> Path:
    table = {}
    for family in range(6):
        table[f"r{family}.mp4"] = {"label": "REAL", "split": "train", "original": None}
        table[f"f{family}.mp4"] = {"label": "FAKE", "split": "train", "original": f"r{family}.mp4"}
    touched(root / "train_sample_videos", *table)
    written(root / "train_sample_videos" / "metadata.json", table)
    touched(root / "test_videos", "t1.mp4", "t2.mp4")
    written(root / "sample_submission.csv", "filename,label\nt1.mp4,0.5\nt2.mp4,0.5\n")
    return root


def dfdc_preview(root: Path) -> Path:
    table = {}
    for number, actor in enumerate(range(100, 110)):
        official = "train" if number < 8 else "test"
        other = 100 + (number ^ 1)
        table[f"original_videos/{actor}/{actor}_A_001.mp4"] = {"label": "real", "set": official}
        fake = f"method_{'AB'[number % 2]}/{actor}/{other}/{actor}_A_001_0_30.mp4"
        table[fake] = {"label": "fake", "set": official, "target_id": actor, "swapped_id": other}
    touched(root, *table)
    written(root / "dataset.json", table)
    return root


def celebdf(root: Path, *, inside: str = "", youtube: str = "YouTube-real") -> Path:
    """Ten celebrities, each swapped with the next, and four people of YouTube; ``inside`` is ``videos/`` or nothing."""
    names = [f"Celeb-real/{inside}id{n}_000{clip}.mp4" for n in range(10) for clip in range(2)]
    names += [f"Celeb-synthesis/{inside}id{n}_id{(n + 1) % 10}_0000.mp4" for n in range(10)]
    names += [f"{youtube}/{inside}0000{n}.mp4" for n in range(4)]
    touched(root, *names)
    lines = ["1 Celeb-real/id0_0000.mp4", "1 YouTube-real/00003.mp4", "0 Celeb-synthesis/id0_id1_0000.mp4"]
    written(root / "List_of_testing_videos.txt", "\n".join(lines) + "\n")
    return root


FAKEAVCELEB_HEADER = "source,target1,target2,method,category,type,race,gender,path,"
FAKEAVCELEB_TYPES = {
    "A": "RealVideo-RealAudio",
    "B": "RealVideo-FakeAudio",
    "C": "FakeVideo-RealAudio",
    "D": "FakeVideo-FakeAudio",
}


def fakeavceleb_row(
    source, category="A", method="real", file="00001.mp4", target1="-", target2="-", race="African"
) -> str:
    """A line of the table of one file."""
    kind = FAKEAVCELEB_TYPES[category]
    folder = f"FakeAVCeleb/{kind}/{race}/men/{source}"
    return f"{source},{target1},{target2},{method},{category},{kind},{race},men,{file},{folder}"


def fakeavceleb_tree(root: Path, rows: list[str], *, without: tuple[str, ...] = ()) -> Path:
    """A table of ``rows`` and the files that it lists, those called as in ``without`` excepted."""
    written(root / "meta_data.csv", "\n".join([FAKEAVCELEB_HEADER, *rows]) + "\n")
    for line in rows:
        cells = line.split(",")
        if cells[8] not in without:
            touched(root, f"{cells[9]}/{cells[8]}".replace("\\", "/").removeprefix("FakeAVCeleb/"))
    return root


def fakeavceleb(root: Path) -> Path:
    """Twelve people in pairs: each has a genuine clip, a cloned voice, and the face of the other, once with it."""
    rows = []
    for number in range(12):
        person, other = f"id{number:05d}", f"id{number ^ 1:05d}"
        rows += [
            fakeavceleb_row(person, race="Asian (East)"),
            fakeavceleb_row(person, "B", "rtvc", "00001_fake.mp4"),
            fakeavceleb_row(person, "C", "faceswap", "00001_2_id1_wavtolip.mp4", target1=other),
            fakeavceleb_row(person, "D", "fsgan-wav2lip", "00001_2.mp4", target1=other),
        ]
    return fakeavceleb_tree(root, rows)


def lavdf(root: Path, *, table: str = "metadata.json") -> Path:
    rows = []
    for split in ("train", "dev", "test"):
        rows.append(lavdf_row(f"{split}/000000.mp4", split))
        rows.append(lavdf_row(f"{split}/000001.mp4", split, video=True, original=f"{split}/000000.mp4"))
        rows.append(lavdf_row(f"{split}/000002.mp4", split, audio=True, original=f"{split}/000000.mp4"))
    touched(root, *(row["file"] for row in rows))
    written(root / table, rows)
    return root


def lavdf_row(file, split, *, video=False, audio=False, original=None, periods=((1.5, 2.25),)):
    fake = video or audio
    return {
        "file": file,
        "n_fakes": len(periods) if fake else 0,
        "fake_periods": [list(period) for period in periods] if fake else [],
        "duration": 8.0,
        "original": original,
        "modify_video": video,
        "modify_audio": audio,
        "split": split,
        "video_frames": 200,
        "audio_channels": 1,
        "audio_frames": 128_000,
    }


def avdeepfake1m(root: Path, *, form: str = "list") -> Path:
    """``form``: one ``list`` a split, one file a ``clip``, or ``none``."""
    for split, person in (("train", "id00012"), ("val", "id00013")):
        clip = f"{person}/21Uxsk56VDQ/00001"
        touched(root / split, *(f"{clip}/{name}.mp4" for name in MODIFIED))
        rows = [
            {
                "file": f"{clip}/{name}.mp4",
                "original": None if name == "real" else f"{clip}/real.mp4",
                "split": split,
                "modify_type": kind,
                "fake_segments": [] if name == "real" else [[0.4, 0.88]],
                "video_frames": 100,
            }
            for name, kind in MODIFIED.items()
        ]
        if form == "list":
            written(root / f"{split}_metadata.json", rows)
        for row in rows if form == "clip" else ():
            written((root / f"{split}_metadata" / row["file"]).with_suffix(".json"), row)
    return touched(root, "test/000001.mp4")


def archive(path: Path, *names: str) -> Path:
    """A ``.tar.gz`` with files of these names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as file:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = 5
            file.addfile(member, io.BytesIO(b"image"))
    return path


def wilddeepfake(root: Path, *, gap: str = "_") -> Path:
    for label in ("real", "fake"):
        for split, count in (("train", 4), ("test", 1)):
            for number in range(1, count + 1):
                names = [f"./{number}/{label}/{face}/{frame}.png" for face in range(2) for frame in (10, 20)]
                archive(root / f"{label}{gap}{split}" / f"{number}.tar.gz", *names)
    return root


def df40(root: Path) -> Path:
    touched(root, *(f"simswap/ff/frames/{a}_{b}/{n:03d}.png" for a, b in _df40_pairs() for n in (0, 24)))
    touched(root, *(f"fomm/ff/{a}_{b}.mp4" for a, b in _df40_pairs()))
    touched(root, "simswap/cdf/frames/id0_id1_0000/000.png", "fomm/cdf/id0_0000.mp4")
    touched(root, "heygen/fake/a.mp4", "heygen/real/b.mp4")
    return touched(root, "facedancer/000_003/000.png", "facedancer/id3_id4_0001/000.png")


def _df40_pairs():
    return [("000", "003"), ("010", "011"), ("020", "021"), ("030", "031")]


def videos(root: Path) -> Path:
    return touched(root, "train/real/a.mp4", "val/fake/swap/b.mp4")


def images(root: Path) -> Path:
    return touched(root, "processed/train/real/a.jpg", "processed/val/fake/swap/b.png")


TREES = {
    "AVDeepfake1M": avdeepfake1m,
    "CelebDF": celebdf,
    "DF40": df40,
    "DFDC": dfdc,
    "DFDCPreview": dfdc_preview,
    "DeepFakeDetection": dfd,
    "FaceForensics": faceforensics,
    "FakeAVCeleb": fakeavceleb,
    "ImageFolder": images,
    "LAVDF": lavdf,
    "VideoFolder": videos,
    "WildDeepfake": wilddeepfake,
}
"""Reader to the function that writes its tree below a folder."""
