"""Render the C package of a release: what an engineer needs to use the model in a project of any kind.

One tree of sources serves CMake, Zephyr, PlatformIO, Arduino and a plain compiler. It holds the generated C
of :mod:`birdnet_stm32.codegen`, the interface ``birdnet.h``, examples, and a program that proves the port.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from birdnet_stm32.codegen.head.sources import HEAD_FILE, with_thresholds
from birdnet_stm32.codegen.network_document import NetworkDocument
from birdnet_stm32.codegen.resample_filters import resample_files
from birdnet_stm32.codegen.source_list import LISTING
from birdnet_stm32.detect.rules import Rules
from birdnet_stm32.files.document import parse_document
from birdnet_stm32.firmware.render import VECTORS, template_files
from birdnet_stm32.firmware.rules import rules_files
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.paths import firmware_templates, licence
from birdnet_stm32.templating import c_comment, c_identifier

URL = "https://github.com/birdnet-team/birdnet-stm32"
MOST_NAME_CHARACTERS = 50  # PlatformIO's limit; Arduino's is 63
OWN_LICENCE = "MIT"
MODEL_LICENCE = "LicenseRef-Model"
"""Licence of the files that hold what was trained. The project cannot grant more than whoever trained it."""
RECORDINGS_LICENCE = "LicenseRef-Recordings"
_OF_MODEL = ("birdnet_weights.c", "birdnet_weights.h", "birdnet_head_image.c")
_OF_RECORDINGS = ("birdnet_test_vectors.c",)
MINIMAL = "examples/minimal/main.c"
_NOT_SOURCES = (LISTING, "README.md")


@dataclass(frozen=True, kw_only=True)
class PackageSettings:
    """What a package says of itself.

    Args:
        name: name of the variant.
        title: title of the release.
        version: its semantic version.
        model_sha256: SHA-256 of the int8 model.
        input_rates_hz: sample rates whose filters are added.
    """

    name: str
    title: str
    version: str
    model_sha256: str
    input_rates_hz: tuple[int, ...] = ()

    @property
    def package(self) -> str:
        """The package's name: a C identifier.

        >>> PackageSettings(name="My-Birds.2", title="", version="1.0.0", model_sha256="").package
        'birdnet_my_birds_2'
        """
        return f"birdnet_{c_identifier(self.name)}"[:MOST_NAME_CHARACTERS].rstrip("_")


def render_package(
    model_files: Mapping[str, bytes],
    contract: ModelContract,
    rules: Rules,
    settings: PackageSettings,
    *,
    threshold_notes: Sequence[str] = (),
) -> dict[str, bytes]:
    """Return the content of each file of the package by its path, sorted.

    Args:
        model_files: the C that was generated for the model, by path.
        contract: what the model is fed.
        rules: when each class counts as heard.
        settings: what the package says of itself.
        threshold_notes: a comment for the threshold of each class, or none.
    """
    has_head = HEAD_FILE in model_files
    if has_head:  # the thresholds belong to the classes, so they lie in the head
        model_files = with_thresholds(model_files, rules.thresholds)
    network = parse_document(NetworkDocument, model_files[NetworkDocument.FILE], where=NetworkDocument.FILE)
    spec = contract.frontend
    files = {f"src/{name}": content for name, content in model_files.items() if name not in _NOT_SOURCES}
    decisions = rules_files(rules, thresholds=rules.thresholds, notes=threshold_notes, has_head=has_head)
    files |= {f"src/{name}": content for name, content in decisions.items()}
    if settings.input_rates_hz:
        filters = resample_files(settings.input_rates_hz, spec.sample_rate_hz)
        files |= {f"src/{name}": content for name, content in filters.items()}
    context: dict[str, Any] = {
        "package": settings.package,
        "title": settings.title,
        "plain_title": c_comment(settings.title).replace('"', "'"),
        "version": settings.version,
        "cmake_version": re.split(r"[-+]", settings.version)[0],
        "url": URL,
        "model_sha256": settings.model_sha256,
        "classes": len(contract.labels),
        "sample_rate_hz": spec.sample_rate_hz,
        "window_s": f"{spec.window_s:g}",
        "hop_s": f"{spec.window_shape.hop_samples / spec.sample_rate_hz:g}",
        "arena_bytes": network.arena.size_bytes,
        "constant_bytes": network.constant_bytes,
        "macs": network.macs,
        "output_is_logit": network.output.is_logit,
        "has_head": has_head,
        "rule": rules.others.sentence(rules.shape),
        "has_vectors": VECTORS in model_files,
    }
    written = ("src/birdnet.c", *(name for name in files if name.endswith(".c")))
    context["sources"] = sorted(written)
    context["platformio"] = _platformio(settings)
    context["minimal"] = (firmware_templates() / "package" / MINIMAL).read_text(encoding="utf-8")
    without = () if context["has_vectors"] else ("check_vectors.c",)
    files |= template_files("package", "", context, without=without)
    files[f"cmake/{settings.package}-config.cmake.in"] = files.pop("cmake/config.cmake.in")
    files["LICENSE"] = licence().read_bytes()
    return {name: _with_licence(name, files[name]) for name in sorted(files)}


def _platformio(settings: PackageSettings) -> str:
    described = {
        "name": settings.package,
        "version": settings.version,
        "description": f"{settings.title} {settings.version}"[:255],
        "keywords": ["bioacoustics", "birds", "audio", "neural network"],
        "repository": {"type": "git", "url": URL},
        "license": OWN_LICENCE,
        "frameworks": "*",
        "platforms": "*",
        "headers": "birdnet.h",
        "build": {"srcDir": "src", "flags": ["-Isrc", "-Isrc/runtime", "-ffp-contract=off"]},
    }
    return json.dumps(described, indent=2, ensure_ascii=False)


def _with_licence(name: str, content: bytes) -> bytes:
    """Return a file with the line that says under which licence it is."""
    if not name.endswith((".c", ".h", ".ino")):
        return content
    base = name.rsplit("/", 1)[-1]
    identifier = (
        MODEL_LICENCE if base in _OF_MODEL else RECORDINGS_LICENCE if base in _OF_RECORDINGS else OWN_LICENCE
    )
    return f"/* SPDX-License-Identifier: {identifier} */\n".encode() + content
