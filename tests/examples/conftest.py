import sys
from pathlib import Path

for room in ("inference", "faces", "media"):  # their stubs and helpers
    sys.path.append(str(Path(__file__).parents[1] / room))
