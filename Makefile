# Commands for people: `make demo`, `make test` and `make test-all`. Everything else is doit's.
.PHONY: demo test test-all lint setup

demo: setup
	@.venv/bin/doit bundle:demo

test: setup lint
	.venv/bin/pytest -n 2 --dist loadfile -m "not exhaustive"

test-all: setup lint
	.venv/bin/pytest -n 2 --dist loadfile

lint: setup
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

setup:
	@scripts/setup.sh
