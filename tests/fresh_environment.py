"""A new virtual environment with the wheel of zoo in it, as a user has it, on top of the packages of this one.

The packages that zoo requires are not installed again: a ``.pth`` file names the site-packages of the environment that
runs the tests. Those come after the new environment's own on the path, and their ``.pth`` files are not read, so the
zoo that is imported is the one in the wheel, never the source tree.
"""

import importlib.util
import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[1]
PARENTS = list(dict.fromkeys([sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]))

_OFFLINE = ("--no-deps", "--no-index", "--no-build-isolation")


class FreshEnvironment:
    """A virtual environment in ``folder``, which is made.

    Args:
        shares: it sees the packages of the environment that runs the tests; if not, it has a pip and nothing else.

    Attributes:
        python: its interpreter.
        bin: the folder of its scripts, ``zoo`` among them once the wheel is installed.
        site_packages: where its own packages go.
    """

    def __init__(self, folder, *, shares=True):
        self.folder = Path(folder)
        options = ["--without-pip"] if shares else []
        subprocess.run([sys.executable, "-m", "venv", *options, self.folder], check=True)
        self.bin = self.folder / ("Scripts" if os.name == "nt" else "bin")
        self.python = self.bin / "python"
        self.elsewhere = self.folder / "elsewhere"
        self.elsewhere.mkdir()
        [site_packages] = json.loads(
            self.run("-c", "import json, sysconfig; print(json.dumps([sysconfig.get_path('purelib')]))").stdout
        )
        self.site_packages = Path(site_packages)
        if not shares:
            return
        (self.site_packages / "parents.pth").write_text("".join(f"{parent}\n" for parent in PARENTS))
        if importlib.util.find_spec("hatchling") is None:  # what builds the wheels; `pip install .[dev]` brings it
            self._pip("install", "hatchling")

    def run(self, *args, cwd=None, env=None, check=True, timeout=250):
        """Run this environment's Python with ``args``; its output is captured as text.

        Args:
            cwd: the folder to run in; an empty one if None.
            env: variables beside this process's own, of which those that steer Python and zoo are left out.
            check: raise, with all the output, if it ends with another code than 0.
        """
        return self._run([self.python, *args], cwd=cwd, env=env, check=check, timeout=timeout)

    def zoo(self, *args, **options):
        """Run the ``zoo`` script of this environment; see `run`."""
        return self._run([self.bin / "zoo", *args], **options)

    def install(self, path):
        """Install a folder or a wheel, built by what is there: no index is asked, and nothing else is installed."""
        self._pip("install", *_OFFLINE, "--force-reinstall", path)

    def install_with_requirements(self, what):
        """Install a folder or a wheel, ``[extras]`` perhaps after it, and all that it requires, from the registry."""
        settings = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        self.run("-m", "pip", "install", "--quiet", "--no-cache-dir", what, env=settings, timeout=1500)

    def uninstall(self, name):
        """Remove the distribution ``name``."""
        self._pip("uninstall", "--yes", name)

    def build_wheel(self, path, into):
        """The wheel of the project in the folder ``path``, written to the folder ``into``."""
        self._pip("wheel", *_OFFLINE, "--wheel-dir", into, path)
        [wheel] = Path(into).glob("*.whl")
        return wheel

    def _pip(self, verb, *arguments):
        self.run("-m", "pip", verb, "--quiet", *arguments)

    def _run(self, command, *, cwd=None, env=None, check=True, timeout=250):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "ZOO_", "PIP_"))}
        kept |= {"PYTHONNOUSERSITE": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "OMP_NUM_THREADS": "1"}
        kept["PATH"] = os.pathsep.join([str(self.bin), kept.get("PATH", "")])
        done = subprocess.run(
            list(map(str, command)),
            cwd=cwd or self.elsewhere,
            env=kept | (env or {}),
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done


def make(folder):
    """A new environment in ``folder`` with the wheel of this project installed."""
    environment = FreshEnvironment(folder / "environment")
    environment.install(environment.build_wheel(ROOT, folder / "wheel"))
    where = Path(environment.run("-c", "import zoo; print(zoo.__file__)").stdout.strip())
    assert where.is_relative_to(environment.site_packages), f"the zoo of {where} would be tested, not the wheel's"
    return environment
