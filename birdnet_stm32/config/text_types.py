"""Types of texts in a variant file: names, versions, digests, paths, and names of gates."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from birdnet_stm32.terminal_text import printable

DIGEST = r"^[0-9a-f]{64}$"
VERSION = r"^[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}([-+][0-9A-Za-z.-]{1,40})?$"
FILE_NAME = r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$"
PACKAGE_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
PACKAGE_VERSION = r"^[0-9][A-Za-z0-9.+!]*$"
RULE = r"^[a-z0-9]+(-[a-z0-9]+)*$"
COMPILER_OPTION = r"^(--?[A-Za-z][A-Za-z0-9-]*|\d+)$"

SPELLINGS = {
    DIGEST: "a SHA-256: 64 digits and lower-case letters from a to f, as sha256sum prints it",
    VERSION: 'three numbers with points between, such as "1.0.0", or "1.0.0-rc1" and "1.0.0+build5"',
    FILE_NAME: 'a file name such as "song 1.wav": letters, digits, and after the first also space . _ -',
    PACKAGE_NAME: 'a package name such as "bird-songs": letters, digits, and after the first also . _ -',
    PACKAGE_VERSION: 'one exact version, such as "1.2.0"',
    RULE: 'the name of a rule, such as "conv-window", as birdnet-stm32 lint --rules lists them',
    COMPILER_OPTION: 'one option or one number, such as "-O3", "--Os" or "4"',
}
"""What a text has to look like, in words, by the regular expression that checks it."""

MAX_PATH_BYTES, MAX_PATH_PART_BYTES = 4_095, 255  # of Linux, and about what other systems take


def _one_line(text: str) -> str:
    """Refuse a name with a line break or another character that one line cannot show."""
    if printable(text) != text:
        raise ValueError("holds a line break or an invisible character")
    return text


def names_a_file(path: str) -> str:
    """Return ``path`` if the systems accept it as a path.

    Raises:
        ValueError: says why they do not. The sentence continues after the path.
    """
    try:
        content = path.encode(errors="surrogateescape")
    except UnicodeEncodeError as error:
        raise ValueError("holds half a character, which no path can hold") from error
    if "\0" in path:
        raise ValueError("holds NUL, which no path can hold")
    if len(content) > MAX_PATH_BYTES or any(len(part) > MAX_PATH_PART_BYTES for part in content.split(b"/")):
        raise ValueError(
            f"is too long for a path: at most {MAX_PATH_BYTES:,} bytes, {MAX_PATH_PART_BYTES} between slashes"
        )
    return path


def _has_the_group(pattern: str) -> str:
    """Refuse a text that is not a regular expression with the group ``recording``."""
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from error
    if "recording" not in compiled.groupindex:
        raise ValueError("has no group (?P<recording>...)")
    return pattern


def _composed(name: str) -> str:
    """Return a name in Unicode's composed form (NFC), in which classes are compared."""
    return unicodedata.normalize("NFC", name)


def one_or_several(value: object) -> str:
    """Return the name, in the places of pydantic's errors, of a text or of a list of texts."""
    return "[several]" if isinstance(value, list | tuple) else "[one]"


Sha256 = Annotated[str, Field(pattern=DIGEST)]
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_one_line)]
PathText = Annotated[str, Field(min_length=1), AfterValidator(names_a_file)]
ClassName = Annotated[Name, AfterValidator(_composed)]
RecordingPattern = Annotated[str, AfterValidator(_has_the_group)]
CompilerOption = Annotated[str, Field(pattern=COMPILER_OPTION, max_length=60)]
NpuGate = Literal[
    "software-epochs",
    "hyperram",
    "weight-bytes",
    "float-network",
    "application-slot",
    "runtime-version",
    "stream-link",
    "cpuram2",
    "symbols",
    "weights-address",
    "loaded-memories",
    "ports",
    "epoch-controller",
    "full-height",
    "port-caches",
]
"""Gates of docs/reference/npu.md, which look at a network that ST's tool compiled."""
