import json
import re
from pathlib import Path

import pytest

from birdnet_stm32.config.text_types import SPELLINGS
from birdnet_stm32.config.variant import json_schema
from birdnet_stm32.config.variant_file import load_variant
from birdnet_stm32.errors import InputError

MINIMAL = '[variant]\ntitle = "x"\n{}\n[index]\nroot = "r"\n'


def refusal(folder: Path, text: str) -> str:
    path = folder / "v.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as refused:
        load_variant(path)
    return str(refused.value).removeprefix(str(path))


def patterns(schema: object) -> set[str]:
    if isinstance(schema, dict):
        own = {schema["pattern"]} if isinstance(schema.get("pattern"), str) else set()
        return own.union(*(patterns(one) for one in schema.values()), schema.get("patternProperties", {}))
    return set().union(*map(patterns, schema)) if isinstance(schema, list) else set()


def test_every_regular_expression_of_a_variant_is_said_in_words() -> None:
    assert patterns(json_schema()) == set(SPELLINGS)


@pytest.mark.parametrize("words", SPELLINGS.values())
def test_the_examples_in_the_words_are_right(words: str) -> None:
    pattern = next(one for one, said in SPELLINGS.items() if said == words)
    for example in re.findall(r'"([^"]+)"', words):
        assert re.fullmatch(pattern, example)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            'version = "1"',
            ":3: variant.version is '1'\n  expected: three numbers with points between",
        ),
        ("version = 1", ':3: variant.version is 1\n  expected: text, in "quotation marks"'),
        ('version = "\u0661.\u0662.\u0663"', "expected: three numbers"),
        ('version = "1.0.0-' + "a" * 5_000 + '"', "characters left out)"),
        ("[train]\nepochs = 1.5", "train.epochs is 1.5\n  expected: a whole number"),
        ("[train]\nepochs = 0", "train.epochs is 0\n  expected: at least 1"),
        ("[train]\nlearning_rate = 2", "train.learning_rate is 2\n  expected: at most 1"),
        ("[convert]\nper_tensor = 1", "convert.per_tensor is 1\n  expected: true or false"),
        ("[quantize]\nrecipes = 3", "quantize.recipes is 3\n  expected: a list, [...]"),
        ("[quantize]\nrecipes = []", "quantize.recipes is []\n  expected: a list of at least 1"),
        ("[lint]\nsuppress = 3", "lint.suppress is 3\n  expected: a table"),
        ("[lint]\nsuppress = { BAD = 'x' }", "lint.suppress.BAD is 'BAD'\n  expected: the name of a rule"),
        ("[model]\nnum_mels = 17", "model.num_mels is 17\n  expected: a multiple of 8"),
        ("[model]\nconfig = 1\ncheckpoint = 'c'", "model.config is 1"),
        (
            "[model]\ncheckpoint = ''\nconfig = 'c'",
            "model.checkpoint is ''\n  expected: at least 1 char",
        ),
        ("[npu]\ntimeout_s = 1e300", "npu.timeout_s is 1e+300\n  expected: at most 10000000"),
    ],
)
def test_what_is_wrong_is_said_in_words(tmp_path: Path, line: str, said: str) -> None:
    message = refusal(tmp_path, MINIMAL.format(line))
    assert said in message
    assert "^" not in message, "a regular expression is no answer"
    assert "Input" not in message
    assert len(message) < 500


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("a\\u0000b", "index.root holds NUL"),
        ("a" * 256, "index.root is 'aaaa"),
        ("a/" * 2_500, "is too long for a path: at most 4,095 bytes"),
        ("", "index.root is ''"),
    ],
)
def test_a_path_that_no_system_takes_is_refused_at_the_variant(tmp_path: Path, path: str, said: str) -> None:
    message = refusal(tmp_path, f'[variant]\ntitle = "x"\n[index]\nroot = "{path}"\n')
    assert message.startswith(":4: ")
    assert said in message
    assert len(message) < 500


@pytest.mark.parametrize("title", ["a\nb", "a\tb", "\x1b[31m", "a\u2028b", "a\u202eb"])
def test_a_title_is_one_line(tmp_path: Path, title: str) -> None:
    message = refusal(tmp_path, f'[variant]\ntitle = {json.dumps(title)}\n[index]\nroot = "r"\n')
    assert "', which holds a line break or an invisible character" in message
    assert title not in message


def test_a_thousand_wrong_values_are_one_short_message(tmp_path: Path) -> None:
    recipes = ", ".join(f'"{number}"' for number in range(2_000))
    message = refusal(tmp_path, MINIMAL.format(f"[quantize]\nrecipes = [{recipes}]"))
    assert "(and 2000 more)" in message
    assert len(message) < 500
