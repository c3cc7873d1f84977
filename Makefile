# The verbs. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup system demo up test check fix docs lock bench-dags bench-duplicates bench-expectations bench-export bench-faces bench-fetch bench-hashes bench-hyperparameters bench-ledger bench-losses bench-makeup bench-planner bench-reframed bench-review bench-snapshot bench-train clean

PYTHON ?= python3
BIN := .venv/bin
TORCH := torch==2.13.0

# What Debian 12 must have: a browser for the google collector and the tests, certutil for the demo's CA,
# libGL for OpenCV, PostgreSQL for the catalog's tests, OpenSSH for trainings on another machine (and sshd to test them).
PACKAGES := python3-venv chromium chromium-driver libnss3-tools libgl1 libglib2.0-0 postgresql \
  openssh-client openssh-server
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

help: ## list the verbs
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 26

setup: system .venv/.ready ## install what is missing: system packages and .venv

system:
	@missing=""; for package in $(PACKAGES); do \
	  [ "$$(dpkg-query -W -f '$${db:Status-Status}' $$package 2>/dev/null)" = installed ] || missing="$$missing $$package"; done; \
	if [ -n "$$missing" ]; then echo "Installing$$missing"; \
	  $(SUDO) apt-get update -q && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$missing; fi

# uv installs the lock in a fraction of pip's time; where it cannot be had, pip does the same from the same file.
.venv/.ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; assert (3, 11) <= sys.version_info < (3, 13), "Faceloop needs Python 3.11 or 3.12"'
	[ -x $(BIN)/python ] || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet uv==0.13.9 || true
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --compile-bytecode --no-deps --require-hashes -r requirements.lock \
	  || $(BIN)/python -m pip install --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install $(TORCH)
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

demo: setup ## the whole platform on this machine, offline, on drawn portraits; ONCE=1 runs the loop through and ends
	$(BIN)/python -m demo $(if $(ONCE),--once)

up: ## the real deployment (needs Docker and a filled .env)
	docker compose up --build --detach

# A file's tests stay in one process: what they share is made once. Each process, with the Airflow and the Chromium that
# it starts, takes up to 3 GB.
test: setup ## all the tests, in two processes; JOBS=1 in one, JOBS=4 in four
	$(BIN)/python -m pytest --numprocesses $(or $(JOBS),2) --dist loadfile

check: setup ## ruff, mypy, import contracts, compose file, Dockerfiles, generated docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yaml
	$(BIN)/hadolint docker/*.Dockerfile
	$(BIN)/python docs/generate.py --check

fix: setup ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup ## write the generated pages: docs/dags.md, docs/checks.md, docs/settings.md, .env.example
	$(BIN)/python docs/generate.py

bench-dags: setup ## how long each DAG file takes to parse, as JSON
	$(BIN)/python -m bench.dags

bench-duplicates: setup ## how well copies are told from other photos, as JSON; PHOTOS=FOLDER for pictures of yours
	$(BIN)/python -m bench.duplicates $(if $(PHOTOS),--photos $(PHOTOS)) $(if $(SAME),--same $(SAME))

bench-reframed: setup ## how well copies that were framed differently are told, as JSON; PHOTOS=FOLDER for pictures of yours
	$(BIN)/python -m bench.reframed $(if $(PHOTOS),--photos $(PHOTOS))

bench-expectations: setup ## a batch's validation by Great Expectations, as JSON; ROWS=20000 makes it small
	$(BIN)/python -m bench.expectations --rows $(or $(ROWS),100000)

bench-export: setup ## one picture through the exported graphs on the processor, as JSON; SIZE=64 makes it small
	$(BIN)/python -m bench.export $(if $(SIZE),--size $(SIZE))

bench-faces: setup ## our crops beside face_recognition's way and the FFHQ recipe, as JSON; PHOTOS=FOLDER for photos of yours, LIMIT=60 for some
	$(BIN)/python -m bench.faces $(if $(PHOTOS),--photos $(PHOTOS)) $(if $(LIMIT),--limit $(LIMIT))

bench-fetch: setup ## our fetch beside img2dataset and a requests + Pillow script, as JSON (installs them into var/)
	$(BIN)/python -m bench.fetch

bench-hashes: setup ## near-duplicate look-ups among 1,000,000 hashes, as JSON; RADIUS=10 for another radius
	$(BIN)/python -m bench.hashes $(if $(RADIUS),--radius $(RADIUS))

bench-hyperparameters: setup ## what each number of a preset does to the picture, as docs/hyperparameters/ and JSON; takes hours, in pieces: ONLY="lambda_ds lr"
	$(BIN)/python -m bench.hyperparameters $(if $(ONLY),--only $(ONLY)) $(if $(STEPS),--steps $(STEPS)) $(if $(OUT),--out $(OUT))

bench-ledger: setup ## claims by 16 processes with holders killed -9, as JSON; CLAIMS=20000 makes it small
	$(BIN)/python -m bench.ledger --claims $(or $(CLAIMS),1000000)

bench-makeup: setup ## drawn portraits trained with and without what takes the make-up alone, as JSON; STEPS=200 makes it small, GRIDS=FOLDER keeps pictures
	$(BIN)/python -m bench.makeup $(if $(STEPS),--steps $(STEPS)) $(if $(GRIDS),--grids $(GRIDS))

bench-planner: setup ## the planner beside round-robin, on recorded and on made yields, as JSON
	$(BIN)/python -m bench.planner

bench-review: setup ## the review desk in a real Chromium over 100,000 faces, as JSON; SUBJECTS=3000 makes it small, KEPT=FOLDER fills it once
	$(BIN)/python -m bench.review $(if $(SUBJECTS),--subjects $(SUBJECTS)) $(if $(KEPT),--kept $(KEPT))

bench-train: setup ## a step of training as published beside the fast mode, in turns, as JSON; BLOCKS=1 or SIZE=64 WIDTH=16 makes it small
	$(BIN)/python -m bench.train $(if $(BLOCKS),--blocks $(BLOCKS)) $(if $(SIZE),--size $(SIZE)) $(if $(BATCH),--batch $(BATCH)) \
	  $(if $(WIDTH),--width $(WIDTH)) $(if $(DEVICE),--device $(DEVICE))

bench-losses: setup ## whether bfloat16 and lazy R1 end where float32 does, on drawn portraits, as JSON; STEPS=100 makes it small
	$(BIN)/python -m bench.losses $(if $(STEPS),--steps $(STEPS))

bench-snapshot: setup ## a snapshot of 20,000 drawn faces, its manifest alone and a look over it, as JSON; FACES=2000 makes it small
	$(BIN)/python -m bench.snapshot $(if $(FACES),--faces $(FACES))

# What torch alone asks for on a machine with a GPU; its own build brings what it needs (see TORCH).
GPU_ONLY := cuda-bindings cuda-pathfinder cuda-toolkit nvidia-cublas nvidia-cuda-cupti nvidia-cuda-nvrtc \
  nvidia-cuda-runtime nvidia-cudnn-cu13 nvidia-cufft nvidia-cufile nvidia-curand nvidia-cusolver nvidia-cusparse \
  nvidia-cusparselt-cu13 nvidia-nccl-cu13 nvidia-nvjitlink nvidia-nvshmem-cu13 nvidia-nvtx triton

lock: ## pin requirements.in anew (needs uv)
	$(BIN)/uv pip compile requirements.in -o requirements.lock --python-version 3.11 --generate-hashes --upgrade \
	  --no-header --no-annotate --no-emit-find-links --no-emit-index-url --no-emit-package torch \
	  --no-emit-package playwright --no-emit-package pyee $(addprefix --no-emit-package ,$(GPU_ONLY))

clean: ## forget the demo's data
	rm -rf var/demo
