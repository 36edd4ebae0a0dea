# Every command of the project. CI calls these and nothing else.
export VENV ?= .venv
PYTHON_BIN := $(VENV)/bin/python
EPISODES ?= 30
AMOUNTS = 25 50 100 demonstrations successes
RESULTS ?= results
UNDER = $(wildcard $(RESULTS)/realtime/under/*)
export OMP_NUM_THREADS ?= 1
export HF_HUB_OFFLINE ?= 1

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-artefacts suite suite-data suite-artefacts suite-quick evaluate test test-quick \
	test-main test-robot check check-lint check-format check-mypy check-pyright check-imports \
	check-stubs format proto lock \
	bench confirm results clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:  ## Make .venv with the locked packages (needs Python 3.12)
	@PYTHON=$(PYTHON) scripts/setup.sh

demo: setup  ## Robots alone and steered, on the same seeds; writes demo/report.html (EPISODES=30)
	$(PYTHON_BIN) -m sim.demo --episodes $(EPISODES)

demo-artefacts: setup  ## Make the demo's weights anew, from data collection on (hours)
	$(PYTHON_BIN) -m sim.build_artefacts --demo

suite-artefacts: setup  ## Make all weights of the suite anew, and tune (a night)
	$(PYTHON_BIN) -m sim.build_artefacts

suite-quick: setup  ## A preliminary verdict on every cell, in minutes; writes runs/quick/report.html
	$(PYTHON_BIN) -m sim.evaluate --suite quick --seeds user --output runs/quick
	$(PYTHON_BIN) -m sim.report runs/quick

suite: setup  ## The published run and those beside it; goes on where it was (hours; RESULTS=results)
	$(PYTHON_BIN) -m sim.evaluate --suite published --logs 1 --output $(RESULTS)/suite $(ARGS)
	$(PYTHON_BIN) -m sim.evaluate --suite disturbed --output $(RESULTS)/disturbed $(ARGS)
	@for amount in $(AMOUNTS); do \
	  $(PYTHON_BIN) -m sim.evaluate --suite data --output $(RESULTS)/data/$$amount $(ARGS) \
	    --critic push=sim/artefacts/critics/push@$$amount \
	    --critic cube-single=sim/artefacts/critics/cube-single@$$amount || exit; \
	done

suite-data: setup  ## Record the data of all thirteen tasks; goes on where it was; options in ARGS="..."
	$(PYTHON_BIN) -m sim.collect --suite $(ARGS)

evaluate: setup  ## Paired episodes through a real server; options in ARGS="..."
	$(PYTHON_BIN) -m sim.evaluate $(ARGS)

test: setup test-main test-robot  ## All tests: Python 3.12, then the robot's wheel on 3.10

test-main:
	$(PYTHON_BIN) -m pytest -n 2 --dist loadgroup --durations=25

test-robot:
	@scripts/test_robot_side.sh

test-quick: setup  ## The tests that take no more than a moment each
	$(PYTHON_BIN) -m pytest -n 2 --dist loadgroup -m "not slow and not gpu"

check: setup check-lint check-format check-mypy check-pyright check-imports check-stubs  ## Linters, types, import rules, stubs

check-lint:
	$(VENV)/bin/ruff check .

check-format:
	$(VENV)/bin/ruff format --check .

check-mypy:
	$(VENV)/bin/mypy

check-pyright:
	$(VENV)/bin/pyright

check-imports:
	$(VENV)/bin/lint-imports --no-logo

check-stubs:
	@scripts/proto.sh --check

format:  ## Write the code as the linter wants it
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

proto:  ## Generate steer/v1 from proto/
	@scripts/proto.sh

lock:  ## Solve requirements*.lock anew (UPGRADE=1: the newest of everything)
	@scripts/lock.sh

bench: setup  ## Measure what a request costs beyond the forward pass, and the client's import
	$(PYTHON_BIN) -m benchmarks.rank_overhead
	$(PYTHON_BIN) -m benchmarks.client_import

confirm: setup  ## Replay some published episodes of every kind: do they still come out the same?
	$(PYTHON_BIN) -m sim.confirm $(addprefix $(RESULTS)/,suite data disturbed realtime) \
	  $(ARGS)

results: setup  ## Check and publish measured figures; draw the tables from them
	$(if $(wildcard $(RESULTS)/realtime/bench),$(PYTHON_BIN) -m sim.realtime records \
	  $(RESULTS)/realtime/bench $(addprefix --more ,$(wildcard $(RESULTS)/realtime/methods)) \
	  $(if $(UNDER),--under $(UNDER)))
	$(PYTHON_BIN) scripts/publish_results.py

clean:  ## Remove what the commands made, but not data/, demo/ and .venv
	rm -rf build dist .venv-proto .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.venv/*' -exec rm -rf {} +
