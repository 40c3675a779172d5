"""A folder of installed plugins, as pip leaves them: a distribution's metadata and a module each."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]


class PluginSite:
    """Plugins in ``folder``, which is on the path of the processes that `run` starts."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(exist_ok=True)

    def install(self, source, *, scope="acme", module=None, distribution=None, version="1.0", **files):
        """Write the distribution of one plugin: ``source`` is its module, ``files`` are the texts of more modules."""
        name = distribution or scope
        module = module or f"{scope}_plugin"
        info = self.folder / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[zoo.plugins]\n{scope} = {module}\n")
        for key, text in {module: source, **files}.items():
            (self.folder / f"{key}.py").write_text(textwrap.dedent(text))

    def environment(self, **variables):
        """The environment of a process that finds these plugins."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ZOO_")}
        path = os.pathsep.join([str(self.folder), str(ROOT)])
        return kept | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"} | variables

    def run(self, *arguments, cwd=None, **variables):
        """Run Python with ``arguments``; output and errors are captured as text."""
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            env=self.environment(**variables),
            cwd=cwd or self.folder,
            capture_output=True,
            text=True,
            timeout=100,
        )

    def zoo(self, *arguments, **options):
        """Run ``zoo`` with ``arguments``."""
        return self.run("-m", "zoo", *arguments, **options)
