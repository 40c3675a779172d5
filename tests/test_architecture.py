"""A room imports only from rooms above it: an AST walk over every import in the package."""

import ast
from pathlib import Path

import pytest

import zoo

PACKAGE = Path(zoo.__file__).parent
ROOMS = """
errors structures files plugins registry config _compat assets timm_models jobs media faces features datasets
backbones fusion heads losses detectors metrics engine predictions segments ensembles report api inference cli testing
__main__
""".split()  # noqa: SIM905
PARTS = {"backbones", "fusion", "heads", "losses", "detectors"}
DATA = {"jobs", "media", "faces", "features", "datasets"}
LIGHT = ["errors", "structures", "files", "plugins", "cli/__init__", "cli/list_components"]
HEAVY = {"numpy", "torch", "cv2", "av", "mmengine", "sklearn", "scipy", "matplotlib", "pyarrow", "timm", "rich"}
FILES = sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_modules(path: Path, *, top_level_only: bool = False) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module)
            if node.module == "zoo":
                found |= {f"zoo.{alias.name}" for alias in node.names}
    return found


def test_the_package_was_found():
    assert len(FILES) > 40
    assert {room_of(path) for path in FILES} - {"__init__", "_configs"} <= set(ROOMS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_up_the_floor_plan(path):
    room = room_of(path)
    if room == "__init__":
        return
    for module in imported_modules(path):
        if not module.startswith("zoo."):
            continue
        other = module.split(".")[1]
        assert ROOMS.index(other) <= ROOMS.index(room), f"{room} imports {module}, a room below it"
        assert not (room in PARTS and other in DATA), f"{room} knows of data: {module}"


@pytest.mark.parametrize("name", LIGHT)
def test_light_rooms_import_nothing_heavy_at_their_top(name):
    paths = sorted((PACKAGE / name).glob("*.py")) if (PACKAGE / name).is_dir() else [PACKAGE / f"{name}.py"]
    assert paths
    for path in paths:
        tops = {module.split(".")[0] for module in imported_modules(path, top_level_only=True)}
        assert not tops & HEAVY, path
