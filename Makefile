# Two commands for people: `make demo` and `make test`. Everything else is doit's.
.PHONY: demo test lint setup

demo: setup
	@.venv/bin/doit bundle:demo

test: setup lint
	.venv/bin/pytest -n 2 --dist loadgroup

lint: setup
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

setup:
	@scripts/setup.sh
