# Every target sets up what it needs: a virtual environment in .venv, made once and renewed when pyproject.toml changes.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: setup demo demo-controls visual-controls ensemble-controls localize-controls test test-slow test-network lint types format bench clean

setup: $(STAMP)

$(STAMP): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	$(BIN)/python -m pip install --quiet --no-deps 'mediapipe>=1.2'  # its own OpenCV would overwrite ours, see pyproject.toml
	$(BIN)/python -c 'import mmengine'  # its yapf keeps a grammar, written at the first import: not by two processes at once
	touch $@

demo: setup  ## replica corpus -> features -> trained cross-modal detector -> figures and report
	$(BIN)/python tools/demo.py

demo-controls: setup  ## the demo's claims, three seeds, with unimodal twins and trivial features
	$(BIN)/python tools/demo_controls.py

visual-controls: setup  ## the small visual detectors, three seeds, after the portraits in PHOTOS
	$(BIN)/python tools/visual_controls.py $(if $(PHOTOS),--photos $(PHOTOS))

ensemble-controls: setup  ## what ensembles gain over their best member, three seeds, after the portraits in PHOTOS
	$(BIN)/python tools/ensemble_controls.py $(if $(PHOTOS),--photos $(PHOTOS))

localize-controls: setup  ## temporal localization and its unimodal twins, three seeds
	$(BIN)/python tools/localize_controls.py

test: lint types  ## what CI runs
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-slow: setup
	$(BIN)/python -m pytest -m slow --timeout 3600

test-network: setup
	$(BIN)/python -m pytest -m network --timeout 1800

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup  ## speed as ratios against the plain way; writes work_dirs/bench/summary.json
	$(BIN)/python benchmarks/run.py

clean:
	rm -rf .venv build dist work_dirs
