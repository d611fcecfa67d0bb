"""A STAND-IN for ST's ``stedgeai``, for tests alone. It is not ST's program and compiles nothing.

It takes the command lines that ST documents, strictly, and writes small hand-made files of the shape that
each version writes. ``install`` lays it out like an installation; what goes wrong in a run is chosen there.
"""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[3]

BANNERS = {
    "2.2": "ST Edge AI Core v2.2.0-20266 2adc00962",
    "3.0": "ST Edge AI Core v3.0.0-20426 123672867",
    "4.0": "ST Edge AI Core v4.0.1-20581 7ed50de05",
    "4.1": "ST Edge AI Core v4.1.0-20900 0123456ab",
    "5.0": "ST Edge AI Core v5.0.0-30000 0123456ab",
}
RUNTIMES = {
    "2.2": (1, 1, 1, 14),
    "3.0": (1, 1, 3, 8),
    "4.0": (1, 1, 3, 275),
    "4.1": (1, 1, 3, 300),
    "5.0": (1, 1, 4, 1),
}

FLAG, VALUE, OPTIONAL = "flag", "value", "optional value"
COMMON = {
    **dict.fromkeys(("-m", "--model", "--target", "-t", "--type", "-n", "--name"), VALUE),
    **dict.fromkeys(("-o", "--output", "-w", "--workspace", "-v", "--verbosity", "--verbose"), VALUE),
    **dict.fromkeys(("-c", "--compression", "-O", "--optimization", "--memory-pool"), VALUE),
    **dict.fromkeys(("--input-data-type", "--output-data-type"), VALUE),
    **dict.fromkeys(("--inputs-ch-position", "--outputs-ch-position"), VALUE),
    **dict.fromkeys(("--input-memory-alignment", "--output-memory-alignment", "--c-api"), VALUE),
    **dict.fromkeys(("--no-workspace", "--no-report", "--quiet"), FLAG),
    **dict.fromkeys(("--no-inputs-allocation", "--no-outputs-allocation"), FLAG),
    "--st-neural-art": OPTIONAL,
}
COMMANDS = {
    "analyze": COMMON,
    "generate": {
        **COMMON,
        **dict.fromkeys(("--address", "--copy-weights-at", "--lib"), VALUE),
        **dict.fromkeys(("--binary", "--dll", "--enable-epoch-controller", "--eec"), FLAG),
    },
    "validate": {
        **COMMON,
        **dict.fromkeys(("--mode", "-d", "--desc", "-vi", "--valinput", "-vo", "--valoutput"), VALUE),
        **dict.fromkeys(("--val-json", "-b", "--batch-size", "--seed"), VALUE),
        **dict.fromkeys(("--save-csv", "--classifier", "--io-only", "--no-check", "--no-exec-model"), FLAG),
    },
    "supported-ops": {**dict.fromkeys(("--target", "-t", "--type"), VALUE), "--with-report": FLAG},
}
CHOICES = {
    "--target": ("stm32n6",),
    "--type": ("keras", "onnx", "tflite"),
    "--verbosity": ("0", "1", "2", "3"),
    "--input-data-type": ("float32", "int8", "uint8"),
    "--output-data-type": ("float32", "int8", "uint8"),
    "--mode": ("host", "target", "host-io-only", "target-io-only"),
}


def install(root: Path, version: str = "4.0", fault: str = "") -> Path:
    """Lay an installation out in ``root`` and return ``root``; ``fault`` is one of ``faults.FAULTS``."""
    program = root / "Utilities" / "linux" / "stedgeai"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(
        f"#!{sys.executable}\n"
        "# A stand-in for ST's stedgeai, for tests alone.\n"
        "import sys\n"
        f"sys.path[:0] = [{str(HERE)!r}, {str(REPOSITORY)!r}]\n"
        "from stedgeai_stand_in import main\n"
        f"sys.exit(main(sys.argv[1:], {version!r}, {fault!r}))\n",
        encoding="utf-8",
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    lay_out_runtime(root / "Middlewares" / "ST" / "AI", version)
    scripts = "Utilities/scripts" if tuple(map(int, version.split("."))) >= (4, 1) else "scripts"
    for name in ("Utilities/linux/atonn", f"{scripts}/N6_scripts/n6_loader.py", "LICENSE.txt"):
        touch(root / name)
    (root / "Projects" / "STM32N6570-DK" / "Applications" / "NPU_Validation").mkdir(
        parents=True, exist_ok=True
    )
    return root


def lay_out_runtime(folder: Path, version: str = "4.0", *, flat: bool = False) -> None:
    """Lay the runtime out in ``folder``: as installations do, or as STM32Cube AI Studio does in projects."""
    sources = folder / "Npu" if flat else folder / "Npu" / "ll_aton"
    for name in ("ll_aton_runtime.c", "ll_aton.c", "ll_aton_lib.c", "ecloader.c"):
        touch(sources / name)
    parts = zip(("MAJOR", "MINOR", "MICRO", "DEV"), RUNTIMES[version], strict=True)
    told = "".join(f"#define LL_ATON_VERSION_{part} {number}\n" for part, number in parts)
    (sources / "ll_aton_version.h").write_text(told, encoding="utf-8")
    (folder / "Inc").mkdir(parents=True, exist_ok=True)
    library = "NetworkRuntime1201_CM55_GCC.a"
    device = "STM32N6XX" if version == "2.2" else "STM32N6xx"
    devices = sources if flat else folder / "Npu" / "Devices" / device
    touch(folder / "Lib" / (library if flat else "GCC/ARMCortexM55") / library)
    for name in ("mcu_cache.c", "mcu_cache.h"):
        touch(devices / name)
    caches = folder.parents[2] / "Appli" / "AI" / "App" if flat else devices
    for name in ("npu_cache.c", "npu_cache.h"):
        touch(caches / name)


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def main(arguments: list[str], version: str, fault: str) -> int:
    """Do what ``stedgeai`` is documented to do with ``arguments``."""
    if arguments == ["--version"]:
        print(BANNERS[version])
        print("   ISPU 2.0.1-RC2\n   STM32CubeAI 12.0.1-RC2")
        return 0
    command, options = parse(arguments)
    if command == "supported-ops":
        print(f"{BANNERS[version]}\n3 operators found\nADD, CONV_2D, FULLY_CONNECTED\nelapsed time: 0.1s")
        return 0
    check_files(options)
    import faults  # here, as it takes NumPy to read the model

    return faults.run(command, options, version, fault)


def parse(arguments: list[str]) -> tuple[str, dict[str, Any]]:
    """Return the command and its options, or end as a program does that does not know them."""
    command = arguments[0] if arguments and not arguments[0].startswith("-") else "analyze"
    if command not in COMMANDS:
        refuse(f"argument command: invalid choice: {command!r}")
    rest = arguments[1:] if arguments and arguments[0] == command else arguments
    options: dict[str, Any] = {}
    while rest:
        name, rest = rest[0], rest[1:]
        kind = COMMANDS[command].get(name)
        if kind is None:
            refuse(f"unrecognized arguments: {name}")
        takes = kind == VALUE or (kind == OPTIONAL and bool(rest) and not rest[0].startswith("-"))
        if takes and not rest:
            refuse(f"argument {name}: expected one argument")
        if name in options:
            refuse(f"argument {name}: given twice")
        options[name], rest = (rest[0], rest[1:]) if takes else (True, rest)
        if name in CHOICES and options[name] not in CHOICES[name]:
            refuse(f"argument {name}: invalid choice: {options[name]!r}")
    return command, options


def check_files(options: dict[str, Any]) -> None:
    """Refuse paths that the compiler cannot read, and profiles of another shape than documented."""
    for name in ("--model", "--output", "--workspace"):
        path = str(options.get(name, ""))
        if not path.startswith("/") or not path.isascii() or " " in path or len(path) > 60:
            refuse(f"argument {name}: {path!r} is not short, absolute and ASCII")
    profile, _, file = str(options.get("--st-neural-art")).partition("@")
    described = json.loads(Path(file).read_text(encoding="utf-8"))
    chosen = described["Profiles"][profile]
    pools = json.loads(Path(chosen["memory_pool"]).read_text(encoding="utf-8"))
    known = {"fname", "name", "fformat", "prop", "offset", "size"}
    if not isinstance(chosen["options"], str) or set(described) - {"Globals", "Profiles"}:
        refuse("profile file: not of the documented shape")
    if any(set(pool) != known or pool["fformat"] != "FORMAT_RAW" for pool in pools["memory"]["mempools"]):
        refuse("memory pool file: not of the documented shape")


def refuse(why: str) -> None:
    print(f"usage: stedgeai [-h] command ...\nstedgeai: error: {why}", file=sys.stderr)
    raise SystemExit(2)
