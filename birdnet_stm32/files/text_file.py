"""The only reader of text files: variants, labels, configurations, reports of other programs.

UTF-8 is read with or without a byte order mark, UTF-16 with one. Other text is refused, and the error names
its probable encoding: to guess would change names without notice.
"""

from __future__ import annotations

import codecs
from pathlib import Path

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.regular_file import read_bytes

MAX_TEXT_BYTES = 16 * 2**20  # far above any label file or configuration

_UTF_16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_UTF_32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)


def read_text(path: Path, *, max_bytes: int = MAX_TEXT_BYTES) -> str:
    r"""Return a text file's content without a byte order mark; each line ends with ``\n``.

    Args:
        path: the file.
        max_bytes: the largest size allowed.

    Raises:
        InputError: it is not a regular file, cannot be read, is larger than ``max_bytes``, or has another
            encoding. The message names the probable encoding, the byte and the line.
    """
    return decode_text(read_bytes(path, max_bytes=max_bytes), where=path)


def read_lines(path: Path, *, max_bytes: int = MAX_TEXT_BYTES) -> tuple[str, ...]:
    r"""Return a text file's lines. Only ``\n``, ``\r\n`` and ``\r`` end a line.

    Args:
        path: the file.
        max_bytes: the largest size allowed.

    Raises:
        InputError: as :func:`read_text`.
    """
    lines = read_text(path, max_bytes=max_bytes).split("\n")
    return tuple(lines if lines[-1] else lines[:-1])


def decode_text(content: bytes, *, where: str | Path) -> str:
    """Return bytes as text, by the rules of :func:`read_text`.

    Args:
        content: the bytes.
        where: name of the file in errors.

    Raises:
        InputError: the bytes have another encoding.
    """
    if content.startswith(_UTF_32):
        raise _foreign("is UTF-32 text", where, 0, content, "UTF-32")
    encoding = _UTF_16.get(content[:2], "utf-8-sig")
    body = content[2:] if encoding != "utf-8-sig" else content
    if encoding == "utf-8-sig" and 0 in body:
        raise _with_nul(body, where)
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-8-sig":
            raise _not_utf_8(content, where) from error
        raise _foreign("is damaged UTF-16 text", where, error.start + 2, content, None) from error
    if "\0" in text:
        raise _foreign("holds NUL, so it is not text", where, 2 + 2 * text.index("\0"), content, None)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _with_nul(content: bytes, where: str | Path) -> InputError:
    """Return the error for NUL bytes. UTF-16 without a byte order mark has one beside every plain letter."""
    sample = content[:4096]
    odd, even = sample[1::2].count(0), sample[0::2].count(0)
    if len(sample) >= 8 and max(odd, even) > len(sample) // 4 and min(odd, even) <= len(sample) // 40:
        name = "UTF-16LE" if odd > even else "UTF-16BE"
        return _foreign(
            "looks like UTF-16 text without a byte order mark", where, content.index(0), content, name
        )
    return _foreign("holds NUL bytes, so it is not text", where, content.index(0), content, None)


def _not_utf_8(content: bytes, where: str | Path) -> InputError:
    """Return the error for bytes that are not UTF-8, with their probable encoding."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        position = error.start
    byte = content[position]
    high = [value for value in content if value >= 0x80]
    valid = sum(ord(character) >= 0x80 for character in content.decode("utf-8", errors="ignore"))
    if 2 * valid > len(high) - 2 * valid:  # most of it is UTF-8
        return _foreign(f"is UTF-8 text with a damaged byte, 0x{byte:02X}", where, position, content, None)
    windows = any(0x80 <= value < 0xA0 for value in high)
    name, code = ("Windows-1252", "cp1252") if windows else ("Latin-1 (ISO 8859-1)", "latin-1")
    meant = bytes([byte]).decode(code, errors="replace")
    return _foreign(
        f"is not UTF-8; it looks like {name}, where the byte 0x{byte:02X} is {meant!r}",
        where,
        position,
        content,
        "WINDOWS-1252" if windows else "ISO-8859-1",
    )


def _foreign(
    what: str, where: str | Path, position: int, content: bytes, iconv_name: str | None
) -> InputError:
    line = content.count(b"\n", 0, position) + 1
    remedies: tuple[str, ...] = ("save it as UTF-8 in the editor it comes from",)
    if iconv_name is not None:
        remedies += (f"iconv -f {iconv_name} -t UTF-8 OLD > NEW",)
    return InputError(
        f"{what} (byte {position:,}, line {line})",
        where=f"{where}:{line}",
        expected="UTF-8 text, or UTF-16 with a byte order mark",
        remedy=remedies,
    )
