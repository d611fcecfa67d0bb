from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import pytest

from birdnet_stm32.audio.index.learned_from import learned_from_text
from birdnet_stm32.cli import main
from birdnet_stm32.commands.shared.model_files import files_beside_model
from birdnet_stm32.files.tree import write_tree
from birdnet_stm32.frontend.contract import ModelContract, read_contract
from birdnet_stm32.model.checkpoints import checkpoint
from birdnet_stm32.quant.convert import check_int8

FEW = ["--num_samples", "32", "--validate_samples", "16"]


@pytest.fixture
def copied(untrained: Path, tmp_path: Path) -> Path:
    """The checkpoint with its files in the test's own folder."""
    for path in untrained.parent.glob("best_model*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path / untrained.name


def test_the_seeds_command_line(copied: Path, birds: Path, tmp_path: Path) -> None:
    config = copied.with_name("best_model_model_config.json")
    line = ["convert", "--checkpoint_path", str(copied), "--model_config", str(config)]
    line += ["--data_path_train", str(birds), *FEW, "--min_cosine_sim", "0.9", "--min_cosine_p05", "0.8"]
    learned = copied.with_name("best_model_learned_from.tsv")
    learned.write_text(learned_from_text({"0" * 64: "train"}))
    report = tmp_path / "report.json"
    assert main([*line, "--report_json", str(report)]) == 0
    output = tmp_path / "best_model_quantized.tflite"
    check_int8(output.read_bytes())
    assert read_contract(tmp_path / "best_model_quantized_model_config.json") == read_contract(config)
    assert (tmp_path / "best_model_quantized_learned_from.tsv").read_text() == learned.read_text()
    assert json.loads(report.read_text())["all"]["windows"] == 16
    other = tmp_path / "deeper" / "other.tflite"
    assert main([*line, "--per_tensor", "--output_path", str(other)]) == 0
    check_int8(other.read_bytes(), per_tensor=True)
    assert main(line) == 0
    assert output.read_bytes() != other.read_bytes()


def test_recipes_are_tried_in_order_and_options_reported(copied: Path, birds: Path, tmp_path: Path) -> None:
    report, output = tmp_path / "report.json", tmp_path / "model.tflite"
    line = ["convert", "--checkpoint_path", str(copied), "--data_path_train", str(birds), *FEW]
    line += ["--min_cosine_sim", "0.9", "--min_cosine_p05", "0.8", "--report_json", str(report)]
    line += ["--recipe", "float_front_end", "qat", "--output_path", str(output)]
    assert main([*line, "--max_distance_db", "12", "--ranges", "mse"]) == 0
    fields = json.loads(report.read_text())
    assert fields["recipe"] == "float_front_end"
    assert [(gate["name"], gate["limit"], gate["verdict"]) for gate in fields["gates"]] == [
        ("cosine_mean", 0.9, "passed"),
        ("cosine_p05", 0.8, "passed"),
    ]
    (candidate,) = fields["candidates"]
    assert candidate["options"]["left_out"].keys() == {"max_distance_db"}
    assert candidate["options"]["ranges"] == "mse"
    assert (
        candidate["without_options"]["held_out"]["all"]["windows"] == candidate["held_out"]["all"]["windows"]
    )
    assert candidate["without_options"]["spans"]
    assert read_contract(tmp_path / "model_model_config.json").frontend.mixer is not None


def test_a_recipe_that_does_not_fit_is_refused(
    copied: Path, birds: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["convert", "--checkpoint_path", str(copied), "--data_path_train", str(birds), *FEW]
    assert main([*line, "--recipe", "input_subranges", "--per_tensor"]) == 2
    assert "one scale for each kernel" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*line, "--recipe", "inner_gears"])
    assert '"inner_gears" is now called "inner_subranges"' in capsys.readouterr().err


def test_files_of_the_same_name_that_say_the_same_are_kept(copied: Path, birds: Path) -> None:
    labels = copied.with_name("best_model_labels.txt")
    labels.write_text("high_Mauersegler\nlow_Waldkauz\n")
    learned = copied.with_name("best_model_learned_from.tsv")
    learned.write_text(learned_from_text({"0" * 64: "train"}))
    line = ["convert", "--checkpoint_path", str(copied), "--data_path_train", str(birds), *FEW]
    line += ["--min_cosine_sim", "0.9", "--min_cosine_p05", "0.8"]
    assert main([*line, "--output_path", str(copied.with_suffix(".tflite"))]) == 0
    assert labels.read_text() == "high_Mauersegler\nlow_Waldkauz\n"


def test_a_missed_gate_leaves_no_model(
    copied: Path, birds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["convert", "--checkpoint_path", str(copied), "--data_path_train", str(birds), *FEW]
    assert main([*line, "--min_cosine_sim", "1", "--report_json", str(tmp_path / "report.json")]) == 1
    assert "too far from the float model" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.tflite"))
    assert (tmp_path / "report.json").is_file()


def spoil_archive(model: Path, contract: ModelContract) -> str:
    model.write_bytes(model.read_bytes()[:-5_000])
    return "is damaged"


def other_classes(model: Path, contract: ModelContract) -> str:
    write_tree(model.parent, files_beside_model(model, replace(contract, labels=("high", "low", "owl"))))
    return "3 classes, one per label"


def other_input(model: Path, contract: ModelContract) -> str:
    write_tree(
        model.parent,
        files_beside_model(model, replace(contract, frontend=replace(contract.frontend, spec_width=64))),
    )
    return "as the model's configuration says"


def other_bands(model: Path, contract: ModelContract) -> str:
    write_tree(
        model.parent,
        files_beside_model(model, replace(contract, frontend=replace(contract.frontend, num_mels=32))),
    )
    return "its layer mel_mixer makes 16 bands"


def no_config(model: Path, contract: ModelContract) -> str:
    model.with_name("best_model_model_config.json").unlink()
    return "has no model configuration beside it"


def all_strangers(model: Path, contract: ModelContract) -> str:
    write_tree(model.parent, files_beside_model(model, replace(contract, labels=("owl", "crow"))))
    return "holds no class of the model, but high, low"


def not_int8(model: Path, contract: ModelContract) -> str:
    inputs = keras.Input(contract.frontend.input_shape, name="spectrogram")
    x = keras.layers.Conv2D(8, 1, name="mixed")(inputs)
    x = keras.layers.Activation("squareplus", name="curved")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    checkpoint.save(keras.Model(inputs, keras.layers.Dense(2, name="logits")(x)), model)
    return "its conversion is not int8"


@pytest.mark.parametrize(
    "spoil",
    [spoil_archive, other_classes, other_input, other_bands, no_config, all_strangers, not_int8],
)
def test_what_cannot_be_converted_is_refused(
    spoil: Callable[[Path, ModelContract], str],
    copied: Path,
    contract: ModelContract,
    birds: Path,
    tmp_path: Path,
    nothing_written: Callable[[], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = spoil(copied, contract)
    nothing_written()
    line = ["convert", "--checkpoint_path", str(copied), "--data_path_train", str(birds), *FEW]
    assert main([*line, "--report_json", str(tmp_path / "report.json")]) == 2
    assert said in capsys.readouterr().err


def test_recordings_of_other_classes_may_calibrate_if_that_is_meant(
    copied: Path, contract: ModelContract, birds: Path
) -> None:
    all_strangers(copied, contract)
    line = ["convert", "--checkpoint_path", str(copied), "--data_path_train", str(birds), *FEW]
    assert main([*line, "--unlabelled", "--min_cosine_sim", "0.9", "--min_cosine_p05", "0.8"]) == 0
