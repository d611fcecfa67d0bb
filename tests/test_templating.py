import subprocess
from pathlib import Path

import jinja2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32 import templating
from birdnet_stm32.errors import InputError

HOSTILE = [
    *('"', "\\", "*/", "/*", "%s%n", "a\nb", "??/", "\x1b[31m", "\\x41", "1\x001"),
    *("🐦 Kāhu", "x" * 300, "Wilson's Snipe"),
]


def test_c_reads_back_every_string(tmp_path: Path) -> None:
    texts = [text for text in HOSTILE if "\0" not in text]
    lines = "".join(f"    {templating.c_string(text)},\n" for text in texts)
    source = tmp_path / "strings.c"
    source.write_text(
        "#include <stdio.h>\n#include <string.h>\n"
        f"static const char *const names[] = {{\n{lines}}};\n"
        "int main(void) {\n    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)\n"
        "        fwrite(names[i], 1, strlen(names[i]) + 1, stdout);\n    return 0;\n}\n"
    )
    program = tmp_path / "strings"
    subprocess.run(
        ["gcc", "-std=c11", "-trigraphs", "-Wall", "-Wextra", "-Werror", "-o", program, source], check=True
    )
    output = subprocess.run([program], check=True, capture_output=True).stdout
    assert output.decode().split("\0")[:-1] == texts


def test_a_nul_or_an_endless_name_is_refused() -> None:
    for text in ("a\0b", "x" * 1_001):
        with pytest.raises(InputError, match="rename it"):
            templating.c_string(text)


@given(st.text(max_size=200))
def test_no_text_leaves_a_comment(text: str) -> None:
    comment = templating.c_comment(text)
    assert "*/" not in comment
    assert "\n" not in comment
    assert not comment.endswith("\\")


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float_literal_reads_back_to_the_same_bits(value: float) -> None:
    literal = templating.c_float(value)
    assert literal.endswith("f")
    assert np.float32(literal[:-1]).tobytes() == np.float32(value).tobytes()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
def test_a_float_that_c_cannot_write_is_refused(value: float) -> None:
    with pytest.raises(InputError, match="finite"), np.errstate(over="ignore"):
        templating.c_float(value)


def test_identifiers() -> None:
    assert templating.c_identifier("Parus major_Great Tit") == "parus_major_great_tit"
    assert templating.c_identifier("2 fast") == "n_2_fast"
    assert templating.c_identifier("while") == "n_while"
    with pytest.raises(InputError, match="leaves no C identifier"):
        templating.c_identifier("🐦")


def test_an_array_wraps_and_ends_every_number_with_a_comma() -> None:
    rows = templating.c_array(range(-60, 60)).splitlines()
    assert max(map(len, rows)) <= 92
    assert [int(part) for row in rows for part in row.split(",") if part.strip()] == list(range(-60, 60))


def test_an_undefined_name_stops_rendering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.j2").write_text("{{ absent }}")
    monkeypatch.setattr(templating, "firmware_templates", lambda: tmp_path)
    with pytest.raises(jinja2.UndefinedError):
        templating.render_template("a.j2", {})
