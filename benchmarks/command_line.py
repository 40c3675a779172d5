"""How much sooner `zoo list` and `zoo --help` answer than `import torch` alone returns.

CPU seconds of whole processes (what else runs on the machine counts little), in turns, best of all.

Run: python benchmarks/command_line.py [--quick]
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys

COMMANDS = {
    "import torch": ["-c", "import torch"],
    "zoo list": ["-m", "zoo", "list"],
    "zoo --help": ["-m", "zoo", "--help"],
}
BAR = 20.0


def run(*, quick: bool = False) -> list[dict]:
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(2 if quick else 7):
        for name, arguments in COMMANDS.items():
            seconds[name].append(_cpu_seconds(arguments))
    best = {name: min(times) for name, times in seconds.items()}
    rows = []
    for name in ("zoo list", "zoo --help"):
        ratio = best["import torch"] / best[name]
        detail = f"{1000 * best[name]:.0f} ms against {1000 * best['import torch']:.0f} ms"
        rows.append({"name": f"{name} against import torch", "ratio": ratio, "bar": BAR})
        rows[-1] |= {"holds": ratio >= BAR, "detail": detail}
    return rows


def _cpu_seconds(arguments: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    for row in run(quick=parser.parse_args().quick):
        print(row)
