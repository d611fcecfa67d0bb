#!/usr/bin/env python3
"""Write docs/reference/commands.md from the ``--help`` texts of all commands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from birdnet_stm32.cli import COMMANDS, EXIT_CODES

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "commands.md"

HEAD = f"""\
# Commands

`doit` runs the pipeline. `birdnet-stm32` runs single steps on single files; it is the same program as
`python -m birdnet_stm32`. Both are in `.venv/bin`.

## doit

| command | what it does |
|---|---|
| `doit list` | lists the stages; `doit list --all` lists them for each variant |
| `doit bundle:demo` | brings a stage of a variant, and what it needs, up to date |
| `doit` | brings the bundles of all variants up to date |
| `doit -n 2 bundle` | runs two stages at a time |
| `doit info verify:demo` | shows what a stage depends on, and whether it is up to date |
| `doit clean verify:demo` | removes what a stage published |
| `doit variants=DIR build=DIR bundle:NAME` | uses other folders for variants and builds |
| `doit tabcompletion` | [lets a shell complete](#completion) stages and variants |

Run `doit` in the root folder of the checkout. Its exit code is 0 if all is done, and 1 if a gate was missed.
It is 2 if a stage failed, or if one of several variants is broken and the others were built. It is 3 if no
variant can be read or the name of a task is wrong.

## birdnet-stm32

```
{EXIT_CODES.strip()}
```

Results go to standard output, progress and errors to standard error. `birdnet-stm32 --version` shows the
versions of the package, of its libraries and of the programs that it finds.

## Completion

Do this once for each shell. Then open a new shell.

| shell | do this | and add to its configuration |
|---|---|---|
| bash | `birdnet-stm32 completion bash > ~/.birdnet-stm32.bash` | `source ~/.birdnet-stm32.bash` |
| zsh | `birdnet-stm32 completion zsh > ~/.birdnet-stm32.zsh` | `source ~/.birdnet-stm32.zsh` |
| fish | `birdnet-stm32 completion fish > ~/.config/fish/completions/birdnet-stm32.fish` | nothing |
| bash, for doit | `doit tabcompletion > ~/.doit.bash` | `source ~/.doit.bash` |
| zsh, for doit | `doit tabcompletion --shell=zsh > ~/.zfunc/_doit` | `fpath+=~/.zfunc`, before `compinit` |

doit's script for bash needs the Debian package `bash-completion`. It completes stages and variants. The
script for zsh completes only stages. Both call doit each time, which takes about a second. doit has no script
for fish.

## The commands of birdnet-stm32
"""


def help_of(command: str) -> str:
    """Return what ``--help`` prints, without the exit codes that all commands share."""
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}
    argv = [sys.executable, "-m", "birdnet_stm32", command, "--help"]
    ran = subprocess.run(argv, env=environment, check=True, capture_output=True, text=True)
    return ran.stdout.split("exit codes:")[0].strip()


def markdown() -> str:
    """Return the page."""
    return "\n".join([HEAD, *(f"### {name}\n\n```\n{help_of(name)}\n```\n" for name in COMMANDS)])


def main() -> None:
    """Write the page."""
    PAGE.write_text(markdown(), encoding="utf-8")


if __name__ == "__main__":
    main()
