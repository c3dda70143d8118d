# `make demo` trains on the embedded cartridge, `make test` runs every test; both set up .venv first.
# `python -m training.tasks` does the same without make.
# PYTHON chooses the interpreter that the environment is made with (3.11 or later).
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
PY := $(VENV)/bin/python

.PHONY: demo test test-fast lint docs cartridge check-cartridge profile-cartridge bench walkthrough journey watch soak clean

demo: $(VENV)/.installed
	$(PY) training/train_ppo.py --config configs/smoke.json --run-name demo-$$(date +%Y%m%d-%H%M%S)

# Three at a time also on two cores, since many wait for programs that they started. File by file: a file's tests share
# what they train. The order is that of tests/conftest.py.
test: $(VENV)/.dev $(VENV)/pyboy-2.7/.installed $(VENV)/moviepy/.installed
	$(PY) -m pytest -n 3 --dist loadfile --no-loadscope-reorder

test-fast: $(VENV)/.dev   ## what takes little time: without the tests marked slow (whole programs) and cluster (Ray)
	$(PY) -m pytest -n 2 --dist loadfile -m "not slow and not cluster"

lint: $(VENV)/.dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

docs: $(VENV)/.dev                      ## the documentation as a site, in build/site/html; broken links end it
	$(PY) -m training.tasks.site

cartridge:          ## rebuild the embedded cartridge (needs SDCC 4.2)
	$(MAKE) -C envs/cartridge

check-cartridge:    ## rebuild from nothing and compare with the committed file, byte for byte
	$(MAKE) -C envs/cartridge check

profile-cartridge: $(VENV)/.installed   ## measure what must be true of the embedded cartridge
	$(PY) training/profile_cartridge.py --episodes 50

bench: $(VENV)/.installed               ## speed and memory beside bare emulators and stable-baselines3
	$(PY) training/benchmark.py $(BENCH)

walkthrough: $(VENV)/.installed         ## the scripted player, from power-on to the first badge
	$(PY) -m envs.cartridge.walkthrough --until badge1

journey: $(VENV)/.installed             ## the scripted player, from power-on to the end screen; WAIT=7 plays another game
	$(PY) -m envs.cartridge.walkthrough --until champion --wait $(or $(WAIT),0)

watch: $(VENV)/.installed               ## the policy that ships, playing in a window; without a display, a film of it
	$(PY) -m training.tasks watch

soak: $(VENV)/.installed                ## ten minutes of training with a fault every 20 seconds, then what must hold
	$(PY) -m training.fault_injection --minutes 10 --every 20

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "error: $(PYTHON) is older than Python 3.11; name another with PYTHON=..." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

# torch comes first and pinned: a later, unpinned request for it would fetch another build.
$(VENV)/.installed: requirements.txt pyproject.toml | $(VENV)/bin/python
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/.dev: $(VENV)/.installed
	$(PY) -m pip install --quiet --disable-pip-version-check -e '.[dev,browser,postgres,ray,minari,gpt,docs]'
	touch $@

# The other version that the harness plays with, for the tests that try it: see docs/scaling.md.
$(VENV)/pyboy-2.7/.installed: | $(VENV)/.installed
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target $(@D) pyboy==2.7.0
	touch $@

# What Gymnasium's RecordVideo writes with, for its test. It asks for an older Pillow, but runs with ours.
$(VENV)/moviepy/.installed: | $(VENV)/.installed
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target $(@D) \
		moviepy==2.2.1 imageio==2.38.1 imageio-ffmpeg==0.8.1 proglog==0.1.12 decorator==5.3.1 python-dotenv==1.2.4
	touch $@

clean:
	rm -rf build envs/cartridge/build .pytest_cache .mypy_cache .ruff_cache
