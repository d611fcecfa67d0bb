r"""Make text that others wrote safe to show in a terminal: file names, labels, output of a board.

A terminal obeys control characters. A file name with an escape sequence could clear the screen, or hide or
fake a line. Characters that change the writing direction mislead a reader in the same way. They are shown as
Python writes them, ``\x1b`` for example. Nothing else is changed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

# Unicode categories: control, invisible, half a surrogate pair (a byte of a file name that is not UTF-8),
# line and paragraph separator.
_ESCAPED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"  # Persian and Indic scripts are spelt with these


def printable(text: object, *, longest: int | None = None, keep: str = "") -> str:
    r"""Return ``text`` with an escape in place of each character that a terminal would obey or hide.

    Args:
        text: any text, or any object that has one.
        longest: the greatest number of characters to keep. The middle is cut out, and the cut says how many
            characters are missing.
        keep: characters to leave unchanged, for example ``"\n"`` if the text has several lines.

    >>> printable("a\x1bb")
    'a\\x1bb'
    """
    shown = str(text)
    if longest is not None and len(shown) > longest:
        head = (longest + 1) // 2
        tail = shown[len(shown) - longest // 2 :] if longest > 1 else ""
        shown = f"{shown[:head]}... ({len(shown) - longest:,} characters left out) ...{tail}"
    if shown.isascii() and shown.isprintable():
        return shown
    return "".join(
        character if character in keep or character in _JOINERS or not _is_escaped(character)
        # A byte of a name that is not UTF-8 reaches Python as U+DC80 to U+DCFF.
        else f"\\x{ord(character) - 0xDC00:02x}" if "\udc80" <= character <= "\udcff"
        else character.encode("unicode_escape").decode("ascii")
        for character in shown
    )  # fmt: skip


def _is_escaped(character: str) -> bool:
    return unicodedata.category(character) in _ESCAPED


def first_names(names: Sequence[str], most: int = 5) -> str:
    """Return the first names, and how many more there are.

    >>> first_names(["blackbird", "robin", "wren"], most=2)
    'blackbird, robin and 1 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(printable, names[:most])) + more


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the singular for one.

    >>> counted(1, "class"), counted(1200, "class"), counted(0, "entry"), counted(2, "epoch")
    ('1 class', '1,200 classes', '0 entries', '2 epochs')
    """
    if number == 1:
        return f"1 {noun}"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{number:,} {noun[:-1]}ies"
    hisses = noun.endswith(("s", "x", "ch", "sh")) and not noun.endswith("epoch")
    return f"{number:,} {noun}es" if hisses else f"{number:,} {noun}s"
