"""What the doctor says of libraries that packages share."""

import pytest

from zoo.cli import main
from zoo.cli._libraries import faults
from zoo.cli.doctor import packages


def loads(name):
    return object()


def lacks(*names, error=OSError):
    def load(name):
        if name in names:
            raise error(f"{name}: cannot open shared object file: No such file or directory")

    return load


def test_a_sound_machine_has_nothing_to_mend():
    assert list(faults(["opencv-python-headless", "mediapipe"], load_module=loads, load_library=loads)) == []


def test_builds_that_overwrite_each_other_are_named_with_the_command_that_leaves_one():
    (line,) = faults(["opencv_contrib_python", "OpenCV-Python-Headless"], load_module=loads, load_library=loads)
    assert line.startswith("opencv-contrib-python and opencv-python-headless overwrite")
    assert line.endswith(
        "pip uninstall -y opencv-contrib-python && pip install --force-reinstall --no-deps opencv-python-headless"
    )


def test_an_absent_opencv():
    (line,) = faults(["numpy"], load_module=loads, load_library=loads)
    assert line.endswith("run: pip install opencv-python-headless")


def test_an_opencv_that_wants_a_screen():
    def no_gl(name):
        raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")

    (line,) = faults(["opencv-contrib-python"], load_module=no_gl, load_library=loads)
    assert "pip uninstall -y opencv-contrib-python &&" in line
    assert line.endswith("apt-get install libgl1")


@pytest.mark.parametrize(("library", "package"), [("libEGL.so.1", "libegl1"), ("libGLESv2.so.2", "libgles2")])
def test_what_mediapipe_needs_of_the_system(library, package):
    names = ["opencv-python-headless", "mediapipe"]
    (line,) = faults(names, load_module=loads, load_library=lacks(library))
    assert line.startswith(f"mediapipe needs {library}")
    assert line.endswith(f"apt-get install {package}")
    assert list(faults(names[:1], load_module=loads, load_library=lacks(library))) == []


def test_the_doctor_lists_every_package_and_mediapipe_which_no_extra_names(capsys):
    main(["doctor"])
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("numpy ") for line in lines)
    (line,) = (line for line in lines if line.startswith("mediapipe "))
    assert line.split()[1][0].isdigit() or "pip install --no-deps mediapipe" in line


def test_what_is_installed_is_imported_by_the_name_of_its_module():
    assert not [name for name, state, _ in packages() if "No module named" in state]
