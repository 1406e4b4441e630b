# Every target makes what it needs first and can be run again.  uv is used where it is installed.
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-live check fmt bench battery bench-smoke docs extension page wheel

# Only relative paths: make cannot hold a space in a name, and the folder may have one.
PY := .venv/bin/python
PYTHON ?= python3
SOURCES := src tests docs examples benchmarks rig training extension
LINTED = $(wildcard $(SOURCES))

# Several processes share the cores: more threads in each would only get in each other's way.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

# The tests start thousands of processes, and each would compile the code for itself.
export PYTHONDONTWRITEBYTECODE :=

help:  ## Show this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

setup: .venv/.dev  ## Make .venv with everything a developer needs
	@test -d .git && $(PY) -m pre_commit install >/dev/null 2>&1 || true
	@echo "Ready: .venv/bin/sottovoce --help"

demo: .venv/.base  ## Protect the shipped clip, check it, also after MP3 and Opus (into demo-output)
	$(PY) examples/demo.py --out demo-output

# FULL=1 adds what takes longer (slow), what fills a small disk of its own (disk, needs root), what
# runs in Debian's Chromium and Firefox (browser), and what installs a gigabyte to run against (apart).
test: .venv/.$(if $(FULL),full,test)  ## Run the tests; FULL=1 runs every one that needs no audio server
	$(ONE_THREAD) $(PY) -m pytest -n auto --maxprocesses 8 \
		-m "not device $(if $(FULL),,and not slow and not disk and not browser and not apart)" $(ARGS)

# Two at once, which mostly wait for sound to pass.  Sound that is late because another test wants the
# processor is no finding: what fails in company must pass alone (ARGS=--last-failed).
LIVE := -m pytest tests/e2e tests/extension -m device -o cache_dir=.pytest_cache/live
test-live: .venv/.test  ## Run the tests on an audio server of their own (see .ci/packages)
	$(ONE_THREAD) $(PY) $(LIVE) -n 2 $(ARGS) || $(ONE_THREAD) $(PY) $(LIVE) \
		--last-failed --last-failed-no-failures none $(ARGS)

check: .venv/.dev  ## ruff, mypy strict, import contracts, docstrings, spelling
	$(PY) -m ruff check $(LINTED)
	$(PY) -m ruff format --check $(LINTED)
	$(PY) -m mypy
	.venv/bin/lint-imports
	$(PY) -m numpydoc.hooks.validate_docstrings $$(find src -name '*.py' -not -name '_*')
	.venv/bin/codespell

fmt: .venv/.dev  ## Put the code into shape
	$(PY) -m ruff check --fix --exit-zero $(LINTED)
	$(PY) -m ruff format $(LINTED)

bench: .venv/.bench  ## Measure everything and write docs/measurements.md (hours)
	$(ONE_THREAD) $(PY) benchmarks/run.py $(ARGS)

battery: .venv/.bench  ## Add what the whole battery of attacks runs (a gigabyte; see its requirements)
	$(PY) -m pip install --quiet -r benchmarks/requirements-battery.txt
	$(PY) -m pip install --quiet --no-deps -r benchmarks/requirements-battery-no-deps.txt

bench-smoke: .venv/.base  ## Guard speed and memory (a minute)
	$(ONE_THREAD) $(PY) benchmarks/run.py --smoke $(ARGS)

docs: .venv/.dev  ## Build the docs into site/, strictly
	$(PY) docs/generate.py
	$(PY) docs/draw_rooms.py
	NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict --quiet

# Needs Node.js and npm.  Its parts come from npm and PyPI, by hash, and are kept in ~/.cache/sottovoce.
page: .venv/.base  ## Build the browser page into dist/sottovoce.html, and for a web server into dist/page
	$(PY) -m sottovoce.page.build -o src/sottovoce/page/built/sottovoce.html --site dist/page
	mkdir -p dist && cp src/sottovoce/page/built/sottovoce.html dist/

# Needs Node.js and npm, as the page does.
extension: .venv/.base  ## Build the browser extension: two archives in dist/
	$(PY) extension/tools/build.py -o dist

# Nothing but what .ci/release.txt names, by hash: what builds a release could put anything into it.
wheel: .venv/.base  ## Build the wheel and the source archive into dist/
	rm -rf dist/*.whl dist/*.tar.gz build/release-env
	$(PY) -m venv --without-pip build/release-env
	$(PY) -m pip --python build/release-env/bin/python install --quiet --require-hashes \
		--only-binary :all: -r .ci/release.txt
	build/release-env/bin/python -m build --no-isolation --sdist --wheel --outdir dist

.venv/.base .venv/.test .venv/.full .venv/.dev .venv/.bench: pyproject.toml .ci/environment
	@PYTHON="$(PYTHON)" sh .ci/environment $(patsubst .venv/.%,%,$@)
	@touch $@
