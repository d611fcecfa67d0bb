# Commands for people: `make demo`, `make test` and `make test-all`. Everything else is doit's.
.PHONY: demo test test-all lint lock setup

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

# After a change of the libraries in pyproject.toml; --upgrade takes the newest of those that they pull in.
lock: setup
	.venv/bin/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-annotate \
	    --python-version 3.11 --python-platform linux --extra dev --custom-compile-command "make lock" \
	    --output-file requirements.lock pyproject.toml

setup:
	@scripts/setup.sh
