from pathlib import Path

import pytest

from birdnet_stm32.commands.shared.model_forms import _names_of
from birdnet_stm32.errors import InputError


def test_models_of_the_same_file_name_have_different_names() -> None:
    new, old, other = Path("b/new/verify/m.tflite"), Path("b/old/verify/m.tflite"), Path("x.tflite")
    assert _names_of([new, other]) == {new: "m.tflite", other: "x.tflite"}
    assert _names_of([new, old, other]) == {
        new: "new/verify/m.tflite",
        old: "old/verify/m.tflite",
        other: "x.tflite",
    }


def test_a_model_that_is_named_twice_is_refused() -> None:
    with pytest.raises(InputError, match="named twice"):
        _names_of([Path("a.tflite"), Path("a.tflite")])
