"""Show which installation of ST's tools is found, how, its version, and what is missing in it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from birdnet_stm32.commands.shared.messages import print_message, print_warning
from birdnet_stm32.commands.shared.outputs import Writer
from birdnet_stm32.npu.st_runtime import find_runtime
from birdnet_stm32.npu.stedgeai.installation import Installation, inspect_installation
from birdnet_stm32.npu.stedgeai.tool import Tool, find_program, find_tool, read_version


def print_installation(named: Path | None, writer: Writer, json: Path | None) -> None:
    """Print where ST's tool is. Its other parts come first, so they are shown even if the tool is broken.

    Args:
        named: folder to look at; None: look where a build looks.
        writer: writer of the command.
        json: file for the same as JSON, or None.

    Raises:
        ToolError: no compiler is found, it does not start, or it does not print its version.
    """
    writer.check(json)
    tool: Tool | None = None
    if named is not None and find_program(named) is None and find_runtime(named) is not None:
        print_message(
            f"{named} holds no stedgeai", json
        )  # a project of ST's tools from which firmware is built
        installation = _print_parts(named, json)
    else:
        found = find_tool(named)
        print_message(f"{found.program}, found by {found.by}", json)
        installation = _print_parts(found.core_dir, json)
        version = read_version(found.program)
        tool = Tool(program=found.program, core_dir=found.core_dir, version=version, found_by=found.by)
        print_message(f"ST Edge AI Core {version}", json)
        if tool.warning:
            print_warning(f"warning: {tool.warning}")
    parts = [] if installation is None else [asdict(part) for part in installation.parts]
    fields = {
        "tool": None if tool is None else str(tool.version),
        "program": None if tool is None else str(tool.program),
        "found_by": None if tool is None else tool.found_by,
        "root": None if installation is None else str(installation.root),
        "kind": None if installation is None else installation.kind,
        "runtime": None if installation is None else _runtime_of(installation),
        "parts": [{**part, "path": None if part["path"] is None else str(part["path"])} for part in parts],
    }
    writer.write_json(json, fields)


def _print_parts(root: Path | None, json: Path | None) -> Installation | None:
    if root is None:
        print_message(
            "it does not lie in an installation, so the runtime and ST's scripts are not known", json
        )
        return None
    installation = inspect_installation(root)
    flat = installation.runtime is not None and installation.runtime.flat
    layout = ", laid out as STM32Cube AI Studio does" if flat else ""
    runtime = _runtime_of(installation) or "not there"
    print_message(f"{root}: {installation.kind}; runtime ll_aton {runtime}{layout}", json)
    for part in installation.parts:
        if part.path is not None:
            print_message(f"found    {part.what}: {part.path}", json)
    for part in installation.missing:
        print_message(f"missing  {part.what} ({part.expected}), which is needed for {part.needed_for}", json)
    return installation


def _runtime_of(installation: Installation) -> str | None:
    version = None if installation.runtime is None else installation.runtime.version
    return None if version is None else "{}.{}.{}-{}".format(*version)
