import importlib.util
import json
import tomllib
from pathlib import Path

import pytest

from birdnet_stm32.config.accuracy_tables import EvaluateTable
from birdnet_stm32.config.variant import Variant, json_schema
from birdnet_stm32.config.variant_file import load_variant
from birdnet_stm32.engine.stage import Release
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.toml_file import line_of
from birdnet_stm32.stages.inputs.recordings import recordings_root

MINIMAL = '[variant]\ntitle = "x"\n\n[index]\nroot = "recordings"\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "v.toml"
    path.write_text(text)
    return path


def test_defaults_are_those_the_documentation_promises(tmp_path: Path) -> None:
    variant = load_variant(write(tmp_path, MINIMAL))
    assert variant.representative.calibration_windows == 1_024
    assert (variant.verify.min_cosine_mean, variant.verify.min_cosine_p05) == (0.95, 0.90)
    assert variant.model.layout == "time_major"


@pytest.mark.parametrize(
    ("text", "line", "parts"),
    [
        (MINIMAL + '[qat]\nwhem = "never"\n', 7, ["qat.whem is not a known key", "did you mean when?"]),
        (MINIMAL + "[firmware]\ntop_k = 0\n", 7, ["firmware.top_k is 0", "at least 1"]),
        (MINIMAL + '[firmware]\ntop_k = "5"\n', 7, ["firmware.top_k is '5'", "a whole number"]),
        (MINIMAL + "[modl]\nalpha = 1\n", 6, ["modl is not a known key", "did you mean model?"]),
        (
            MINIMAL + '[codegen]\nbackend = "portble"\n',
            7,
            ["'portable' or 'stedgeai'", "did you mean 'portable'?"],
        ),
        (
            MINIMAL + '[quantize]\nrecipes = ["ptq", "inner_gears"]\n',
            7,
            ['is now called "inner_subranges"'],
        ),
        (MINIMAL + 'recording = "((("\n', 6, ["is not a regular expression"]),
        (MINIMAL + 'recording = ".*"\n', 6, ["has no group (?P<recording>...)"]),
        (MINIMAL + '[model]\ncheckpoint = "a.keras"\n', 6, ["add the key config"]),
        (
            MINIMAL + '[model]\ncheckpoint = "a"\nconfig = "b"\nalpha = 0.5\n',
            6,
            ["the checkpoint already fixes alpha"],
        ),
        ('[variant]\ntitle = "x"\n', 1, ["names no recordings", "data/train/<class>/"]),
        ('[variant]\ntitle = "x"\n\n[index]\nmin_clips = 2\n', 4, ["names no recordings"]),
        ('[index]\nroot = "r"\n', 1, ["variant is missing"]),
        ('[variant]\ntitel = "x"\n[index]\nroot = "r"\n', 2, ["variant.titel", "did you mean title?"]),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(
    tmp_path: Path, text: str, line: int, parts: list[str]
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(InputError) as refused:
        load_variant(path)
    message = str(refused.value)
    assert message.startswith(f"{path}:{line}: ")
    for part in parts:
        assert part in message


@pytest.mark.parametrize("text", ["[variant\n", "\x00", 'title = "a" = "b"'])
def test_text_that_is_not_toml_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"is not valid TOML|holds NUL"):
        load_variant(write(tmp_path, text))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        load_variant(tmp_path / "none.toml")


@pytest.mark.parametrize("tables", ["", "[index]\nmin_clips = 2\n", '[index]\ncredits = "credits.tsv"\n'])
def test_a_variant_that_names_no_recordings_takes_those_of_data(tmp_path: Path, tables: str) -> None:
    (tmp_path / "data" / "train").mkdir(parents=True)
    (tmp_path / "variants").mkdir()
    path = write(tmp_path / "variants", f'[variant]\ntitle = "x"\n{tables}')
    variant = load_variant(path)
    assert variant.index.root == "../data/train"
    release = Release(name="v", path=path, build=tmp_path / "build", variant=variant)
    assert recordings_root(release) == tmp_path / "data" / "train"


def test_a_variant_that_fetches_recordings_takes_none_of_data(tmp_path: Path) -> None:
    (tmp_path / "data" / "train").mkdir(parents=True)
    (tmp_path / "variants").mkdir()
    demo = Path(__file__).resolve().parents[2] / "variants" / "demo.toml"
    path = write(tmp_path / "variants", demo.read_text(encoding="utf-8"))
    assert load_variant(path).index.root is None


def test_a_table_that_is_none_is_refused_before_recordings_are_looked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="index is 7"):
        load_variant(write(tmp_path, 'index = 7\n[variant]\ntitle = "x"\n'))


def test_a_date_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"train\.seed is a date"):
        load_variant(write(tmp_path, MINIMAL + "[train]\nseed = 2026-01-01\n"))


@pytest.mark.parametrize("name", ["-rrequirements.txt", "--index-url=x", "a/b", ""])
def test_a_package_name_cannot_become_an_option(tmp_path: Path, name: str) -> None:
    text = MINIMAL + (
        f'[[fetch.packages]]\nname = "{name}"\nversion = "1"\nsha256 = "{"0" * 64}"\nlicence = "MIT"\n'
        f'credit = "me"\nfiles = [{{member = "a", sha256 = "{"0" * 64}", label = "b"}}]\n'
    )
    with pytest.raises(InputError, match="name"):
        load_variant(write(tmp_path, text))


def test_line_of_finds_keys_in_arrays_of_tables() -> None:
    text = "[[fetch.packages]]\nname = 1\n\n[[fetch.packages]]\n# name = 0\nname = 2\n"
    assert tomllib.loads(text)["fetch"]["packages"][1]["name"] == 2
    assert line_of(text, ("fetch", "packages", 1, "name")) == 6
    assert line_of(text, ("fetch", "packages", 1, "version")) == 4
    assert line_of("a = 1\n\n[[index]]\nroot = 2\n", ("index",)) == 3


def test_every_key_is_documented_in_the_schema() -> None:
    schema = json_schema()
    undocumented = [
        f"{table}.{key}"
        for table, definition in schema["$defs"].items()
        for key, field in definition["properties"].items()
        if "description" not in field
    ]
    assert undocumented == []


def test_own_variants_load() -> None:
    for path in (Path(__file__).resolve().parents[2] / "variants").glob("*.toml"):
        assert isinstance(load_variant(path), Variant)


@pytest.mark.shared
def test_acceptance_variants_load_unchanged(shared: Path) -> None:
    published = load_variant(shared / "variants" / "published.toml")
    assert published.model.checkpoint == "../checkpoints/birdnet_stm32n6_100.keras"
    assert published.qat.learning_rate == 1e-4
    birds = load_variant(shared / "variants" / "birds.toml")
    assert (birds.index.min_clips, birds.model.alpha) == (8, 0.5)


def test_the_reference_and_the_schema_are_those_of_the_classes() -> None:
    root = Path(__file__).resolve().parents[2]
    spec = importlib.util.spec_from_file_location("reference", root / "scripts" / "variant_reference.py")
    assert spec is not None
    assert spec.loader is not None
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    written = root / "docs" / "reference"
    remedy = "run scripts/variant_reference.py"
    assert (written / "variant.md").read_text() == reference.markdown(json_schema()), remedy
    assert json.loads((written / "variant.schema.json").read_text()) == json_schema(), remedy


@pytest.mark.parametrize(
    ("keys", "source"),
    [
        ({}, "test split"),
        ({"root": "test"}, "folder"),
        ({"soundscapes": "field"}, "soundscapes"),
        ({"folds": 5}, "folds"),
    ],
)
def test_the_table_says_where_the_recordings_come_from(keys: dict[str, object], source: str) -> None:
    assert EvaluateTable(**keys).source == source
