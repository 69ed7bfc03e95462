# Everything that a contributor types. `make` alone says what there is.
# Each target sets up what it needs by itself: a virtual environment with the pinned packages.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Environments of the programs that Lapel is tested beside.
PEERS := .peers
INSTALLED := $(VENV)/.installed
LOCK := requirements.lock

# Where `make demo` works; which benchmark `make bench` runs, and with what.
DEMO := demo
NAME :=
ARGS :=

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-peers check fix bench lock chromium postgres sshd

help: ## what there is
	@printf 'Lapel: labels for apparel. Type one of:\n\n'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20
	@printf '\nPython: make PYTHON=python3.12 TARGET (3.11 or newer; taken when $(VENV) is first made)\n'

setup: $(INSTALLED) ## make .venv with the pinned packages (the others do it by themselves)

demo: $(INSTALLED) ## Fashion-MNIST from raw files to a trained model, its report and tagged pictures
	@$(BIN)/lapel demo $(DEMO)

test: $(INSTALLED) ## run the tests; make test ARGS='tests/data -k split' runs some
	@$(BIN)/python -m pytest --numprocesses auto --dist loadfile $(ARGS)

test-peers: $(INSTALLED) $(PEERS)/ray/.installed $(PEERS)/label-studio/.installed $(PEERS)/seaweedfs/.installed $(PEERS)/hadolint/.installed $(PEERS)/webdataset/.installed $(PEERS)/skypilot/.installed $(PEERS)/sagemaker-training/.installed $(PEERS)/sagemaker-sdk/.installed $(PEERS)/cloud-init/.unpacked chromium postgres sshd ## run the tests beside Chromium, Label Studio and Ray (a quarter of an hour or more)
	@$(BIN)/python -m pytest tests/peers -p no:xdist $(ARGS)

check: $(INSTALLED) ## lint, formatting, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache

fix: $(INSTALLED) ## mend lint and formatting where a tool can
	@# What no tool can mend keeps nothing from being formatted; it still ends with that failure.
	$(BIN)/ruff check --fix .; left=$$?; $(BIN)/ruff format . && exit $$left

bench: $(INSTALLED) ## list the benchmarks; make bench NAME=startup ARGS='--help' runs one
ifeq ($(NAME),)
	@$(BIN)/python -m benchmarks
else
	@$(BIN)/python -m benchmarks.$(NAME) $(ARGS)
endif

lock: $(INSTALLED) ## write requirements.lock from what .venv holds
	@# torch pins its own GPU libraries; left out, a build of torch without them fits the lock too.
	@$(BIN)/python -m pip list --format=freeze --exclude-editable --exclude pip \
	  | grep -vE '^(nvidia-|cuda-|triton)' > $(LOCK)
	@touch $(INSTALLED)

$(INSTALLED): $(LOCK) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Lapel needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1)." \
	    "Say which to take: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || { \
	  echo "No virtual environment could be made. On Debian or Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Installing the pinned packages into $(VENV) (the first time some minutes; 5.5 GB with GPU libraries)"
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --requirement $(LOCK)
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	@touch $(INSTALLED)

$(PEERS)/%/.installed: tests/peers/%.lock
	@test -x $(@D)/bin/pip || $(PYTHON) -m venv $(@D)
	@echo "Installing the pinned packages of $* into $(@D) (the first time some minutes; up to 1 GB)"
	@$(@D)/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --requirement $<
	@touch $@

chromium:
	@test -n "$(CHROMIUM)" || command -v chromium > /dev/null || command -v chrome > /dev/null || { \
	  test "$$(id -u)" = 0 && command -v apt-get > /dev/null && apt-get install --yes --quiet chromium > /dev/null; } || { \
	  echo "Pages are tested in Chromium, and there is none. On Debian or Ubuntu: apt install chromium" >&2; exit 1; }

postgres:
	@ls /usr/lib/postgresql/*/bin/postgres > /dev/null 2>&1 || command -v postgres > /dev/null || { \
	  test "$$(id -u)" = 0 && command -v apt-get > /dev/null && apt-get install --yes --quiet postgresql > /dev/null; } || { \
	  echo "Searches are tested on PostgreSQL, and there is none. On Debian or Ubuntu: apt install postgresql" >&2; exit 1; }

sshd:
	@{ command -v sshd || test -x /usr/sbin/sshd; } > /dev/null && command -v tmux > /dev/null || { \
	  test "$$(id -u)" = 0 && command -v apt-get > /dev/null && \
	  apt-get install --yes --quiet openssh-server tmux > /dev/null; } || { \
	  echo "Rented machines are tested over SSH; a server or tmux is missing. On Debian or Ubuntu: apt install openssh-server tmux" >&2; exit 1; }

# Not installed, which would change how this machine starts: its own checker of user data runs.
$(PEERS)/cloud-init/.unpacked: $(PEERS)/cloud-init/.installed
	@cd $(@D) && { apt-get download --quiet cloud-init > /dev/null 2>&1 && dpkg -x cloud-init_*.deb . && rm cloud-init_*.deb; } || { \
	  echo "User data is checked by cloud-init, which could not be fetched by apt-get download" >&2; exit 1; }
	@touch $@
