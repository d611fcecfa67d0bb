"""Prints the script that lets a shell complete commands, options and variants of birdnet-stm32.

The script contains all words that it completes, so the shell answers at once. Only the variants are looked
up, in the folder "variants" of the current folder. After an update, print the script again. For doit, use
"doit tabcompletion".
"""

from __future__ import annotations

import argparse

from birdnet_stm32.commands.shared import shell_completion

EXAMPLE = """birdnet-stm32 completion bash > ~/.birdnet-stm32.bash  # source it in ~/.bashrc
  birdnet-stm32 completion zsh > ~/.birdnet-stm32.zsh    # source it in ~/.zshrc
  birdnet-stm32 completion fish > ~/.config/fish/completions/birdnet-stm32.fish"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("shell", choices=shell_completion.SHELLS, help="the shell")


def run(options: argparse.Namespace) -> None:
    """Print the script."""
    print(shell_completion.script(options.shell), end="")
