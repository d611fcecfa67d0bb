"""Deploy an existing .tflite: compile it for the NPU, build firmware, flash the board and compare it.

The steps are those of the stages npu, codegen, npu_firmware and image, without a variant.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from birdnet_stm32 import process
from birdnet_stm32.boards import folders
from birdnet_stm32.boards.description import Board
from birdnet_stm32.codegen.emit import generate_c
from birdnet_stm32.codegen.self_test_vectors import make_test_vectors
from birdnet_stm32.commands.shared import board_session
from birdnet_stm32.commands.shared.board_session import BoardTest
from birdnet_stm32.commands.shared.flashing import flash_release, print_commands
from birdnet_stm32.commands.shared.legacy_config import LegacyConfig
from birdnet_stm32.commands.shared.messages import print_message, print_warning
from birdnet_stm32.commands.shared.model_files import contract_of
from birdnet_stm32.commands.shared.outputs import Writer
from birdnet_stm32.config.variant import CodegenTable, FirmwareTable, NpuTable
from birdnet_stm32.errors import InputError, ToolError
from birdnet_stm32.files.regular_file import read_bytes, real_path
from birdnet_stm32.firmware import programmer, vendor
from birdnet_stm32.firmware.flash_layout import flash_map
from birdnet_stm32.firmware.flash_plan import FlashPlan, read_plan, release_files
from birdnet_stm32.firmware.image import boot_image
from birdnet_stm32.firmware.npu_image import build_npu
from birdnet_stm32.firmware.render import FirmwareSettings, npu_digest, render_project
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.npu.stedgeai import command
from birdnet_stm32.npu.stedgeai.command import Request
from birdnet_stm32.npu.stedgeai.compilation import Compilation, CompilationDocument, compilation_files
from birdnet_stm32.npu.stedgeai.compile import compile_network
from birdnet_stm32.npu.stedgeai.gates import Subject, judge_compilation, refuse_compilation
from birdnet_stm32.npu.stedgeai.installation import LOADERS, find_loader
from birdnet_stm32.npu.stedgeai.tool import PLATFORM, VARIABLE, Tool, find_tool, locate_tool
from birdnet_stm32.npu.stedgeai.validate import validate_network
from birdnet_stm32.stages.npu_firmware import network_of
from birdnet_stm32.tflite.reader import read_graph

VERSION = "0.0.0"
MOST_WINDOWS = 20
_LOADED = "Start operation achieved successfully"
_LOADER_TIMEOUT_S = 900.0
_IMAGES, _PROJECT = "images", "project"
# Files in the workspace, which are written again each time.
_LOGS = ("stedgeai.log", "validate.log", "config_n6l.json", "inputs.npy")


def plan_model(config: LegacyConfig, board: Board, *, validates: bool) -> None:
    """Print every command that :func:`deploy_model` would run."""
    output, workspace = Path(config.output_dir), Path(config.workspace_dir)
    request = Request(model=Path(config.model_path), output=output, workspace=workspace, profile=None)
    program, script = _planned_tools(config)
    print_message("Generate (in a work folder of its own, with a profile):")
    print_message(f"  {' '.join([program, *command.generate(request)])}")
    print_message(f"Build:\n  cmake --preset release, then cmake --build, in {output / _PROJECT}")
    if validates:
        print_message("Validate with ST's own firmware:")
        print_message(f"  {' '.join(_loader_command(config, script))}")
        arguments = command.validate(request, mode="target", inputs=workspace / "inputs.npy")
        print_message(f"  {' '.join([program, *arguments])}")
    print_message("Flash:")
    print_commands(
        [output / _IMAGES / name for name in ("weights.hex", "application.hex")],
        folders.require(board.flash, board, "flash"),
    )
    print_message("Question the board on its serial port.")


def deploy_model(
    config: LegacyConfig,
    board: Board,
    *,
    recordings: Sequence[Path],
    fsbl: Path | None,
    port: str | None,
    validates: bool,
    writer: Writer,
) -> None:
    """Compile, build, flash, and compare the board with the reference.

    Args:
        config: paths of the model, the tools and the results.
        board: with the NPU.
        recordings: the self-test stores windows of them, and the board gets windows of them.
        fsbl: ST's first-stage loader, if it shall be written too.
        port: serial port of the board; None: the port of the only ST-LINK.
        validates: let ST's own firmware and tool validate the network first, if the configuration of
            n6_loader exists.
        writer: writer of the command.

    Raises:
        BirdnetError: a step failed.
    """
    path = Path(config.model_path)
    model, contract = read_bytes(path), contract_of(path, None)
    if not recordings:
        raise InputError(
            "no recordings are given",
            expected="--recordings FILE ...",
            remedy="the firmware tests itself on windows of them, and the board is compared on them",
        )
    names, windows = board_session.windows_of_recordings(recordings, contract.frontend, MOST_WINDOWS)
    output, workspace = Path(config.output_dir), Path(config.workspace_dir)
    writer.check_folder(output)
    writer.register_logs(workspace, *_LOGS)
    tool = _tool(config)
    compilation = _compile(board, tool, model, path, output, workspace, writer)
    if validates:
        _validate(config, board, tool, model, windows, contract, workspace)
    _build(config, board, tool, model, path, contract, windows, compilation, output, writer)
    environment = {**os.environ, **_programmer_of(config)}
    images = output / _IMAGES
    if not flash_release(images, board, fsbl=fsbl, dry_run=False, writer=writer, environment=environment):
        raise ToolError("nothing was written to the board", remedy="run the commands above")
    board_test = BoardTest(
        model=model,
        contract=contract,
        windows=windows,
        recordings=names,
        baud=folders.require(board.console, board, "console").baud,
    )
    plan = read_plan(images, folders.require(board.flash, board, "flash"))
    board_session.check_after_flashing(plan, board_test, port=port)


def _tool(config: LegacyConfig) -> Tool:
    if config.stedgeai_path:
        program = real_path(config.stedgeai_path)
        if not program.is_file() or program.parts[-3:-2] != ("Utilities",):
            raise ToolError(
                "is not a stedgeai inside an installation",
                where=config.stedgeai_path,
                expected="DIR/Utilities/linux/stedgeai",
            )
        return locate_tool(program.parents[2])
    return locate_tool(Path(config.x_cube_ai_path) if config.x_cube_ai_path else None)


def _compile(
    board: Board, tool: Tool, model: bytes, path: Path, output: Path, workspace: Path, writer: Writer
) -> Compilation:
    print_warning(str(tool))
    if tool.warning:
        print_warning(f"warning: {tool.warning}")
    asked = NpuTable()
    compilation = compile_network(tool, model, asked, board, log=workspace / _LOGS[0])
    writer.write_folder(output, compilation_files(compilation), last=CompilationDocument.FILE)
    graph = read_graph(model, where=str(path))
    gates = judge_compilation(
        Subject(
            compilation=compilation,
            graph=graph,
            asked=asked,
            flash=folders.require(board.flash, board, "flash"),
            core_dir=tool.core_dir,
        )
    )
    for gate in gates:
        print_message(gate.row)
    refuse_compilation(gates)
    return compilation


def _build(
    config: LegacyConfig,
    board: Board,
    tool: Tool,
    model: bytes,
    path: Path,
    contract: ModelContract,
    windows: board_session.Pcm,
    compilation: Compilation,
    output: Path,
    writer: Writer,
) -> None:
    """Generate, render, build and pack the firmware into ``output``."""
    stored = make_test_vectors(windows[: CodegenTable().test_vectors], contract.frontend, model)
    graph = read_graph(model, where=str(path))
    generated = generate_c(graph, labels=contract.labels, contract=contract, vectors=stored)
    network, defaults = network_of(compilation), FirmwareTable()
    settings = FirmwareSettings(
        threshold=defaults.threshold, top_k=defaults.top_k, title=path.stem, version=VERSION
    )
    project = output / _PROJECT
    rendered = render_project(board.name, generated, settings, npu=network)
    writer.write_folder(project, rendered, last="CMakeLists.txt")
    if config.arm_toolchain_path:
        folder = Path(config.arm_toolchain_path)
        os.environ["PATH"] = os.pathsep.join([str(folder), str(folder / "bin"), os.environ["PATH"]])
    sources = vendor.find(folders.require(board.npu, board, "npu"), tool.core_dir)
    built = build_npu(project, output / "build", network, sources)
    contents = {
        "weights": network.weights,
        "application": boot_image((built.elf.parent / "firmware.bin").read_bytes()),
    }
    files = release_files(
        contents,
        flash_map(folders.require(board.flash, board, "flash"), network.weights_address),
        title=path.stem,
        version=VERSION,
        model=npu_digest(generated, network),
    )
    writer.write_folder(output / _IMAGES, files, last=FlashPlan.FILE)


def _planned_tools(config: LegacyConfig) -> tuple[str, str]:
    """Return the paths of ``stedgeai`` and of ST's loader, as far as they are known without starting them.

    Raises:
        ToolError: an existing folder is named that lacks one of them.
    """
    if config.stedgeai_path and Path(config.stedgeai_path).is_file():
        root = real_path(config.stedgeai_path).parents[2]
        return config.stedgeai_path, str(find_loader(root))
    named = config.x_cube_ai_path or os.environ.get(VARIABLE)
    if named and Path(named).is_dir():
        program = find_tool(Path(named), {}).program
        return config.stedgeai_path or str(program), str(find_loader(Path(named)))
    root = Path(named or f"${VARIABLE}")
    return config.stedgeai_path or str(root / "Utilities" / PLATFORM / "stedgeai"), str(root / LOADERS[0])


def _loader_command(config: LegacyConfig, script: str) -> list[str]:
    return [sys.executable, script, "--n6-loader-config", config.n6_loader_config]


def _validate(
    config: LegacyConfig,
    board: Board,
    tool: Tool,
    model: bytes,
    windows: board_session.Pcm,
    contract: ModelContract,
    workspace: Path,
) -> None:
    """Load ST's validation firmware and let ST's tool compare. Only the loader's message proves the load."""
    loader_config = Path(config.n6_loader_config)
    if config.n6_loader:
        loader_config = workspace / _LOGS[2]
        loader_config.write_text(json.dumps(dict(config.n6_loader), indent=2), encoding="utf-8")
    if not loader_config.is_file():
        print_warning(f"no {loader_config}: ST's own validation is left out")
        return
    if tool.core_dir is None:
        raise ToolError(
            "does not lie in an installation, so ST's loader for validation firmware is not known",
            where=tool.program,
            remedy=("the stedgeai of a whole installation", "--skip_validate"),
        )
    chosen = config.model_copy(update={"n6_loader_config": str(loader_config)})
    loading = _loader_command(chosen, str(find_loader(tool.core_dir)))
    loaded = process.run_program(loading, timeout_s=_LOADER_TIMEOUT_S)
    if _LOADED not in loaded.output:
        raise ToolError(
            "ST's validation firmware was not loaded; a validation would measure whatever ran before",
            where=" ".join(loading),
            expected=_LOADED,
            remedy="see n6_loader.log beside ST's script, or --skip_validate",
        )
    inputs = workspace / _LOGS[3]
    np.save(inputs, features(windows, contract.frontend))
    log = workspace / _LOGS[1]
    for one in validate_network(
        tool, model, NpuTable(), board, mode="target", inputs=inputs.read_bytes(), log=log
    ):
        print_message(f"{one.output}: cosine {one.cosine}, mean absolute error {one.mae}, by ST's tool")


def _programmer_of(config: LegacyConfig) -> dict[str, str]:
    """Return the folder of STM32CubeIDE's programmer, as the environment variable that names it."""
    if not config.cubeide_path or os.environ.get(programmer.FOLDER_VARIABLE):
        return {}
    pattern = f"plugins/*cubeprogrammer*/tools/bin/{programmer.PROGRAM}"
    found = sorted(Path(config.cubeide_path).glob(pattern))
    return {programmer.FOLDER_VARIABLE: str(found[-1].parent)} if found else {}
