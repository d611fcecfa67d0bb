import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.mixer import (
    MAX_FILE_BYTES,
    Mixer,
    load_mixer,
    mix_bands,
    save_mixer,
    split_into_subranges,
)

finite = st.floats(-1e6, 1e6, width=32)


@st.composite
def subranges(draw, least=0):
    widths = draw(st.lists(st.floats(1e-4, 10), min_size=least, max_size=8))
    return tuple(np.cumsum(widths).tolist())


@st.composite
def mixers(draw):
    bins, mels, pieces = draw(st.integers(1, 9)), draw(st.integers(1, 5)), draw(st.integers(0, 3))
    hinges = arrays(np.float32, (pieces, mels), elements=finite)
    return Mixer(
        mel=draw(arrays(np.float32, (bins, mels), elements=st.floats(0, 9, width=32))),
        k0=draw(arrays(np.float32, mels, elements=finite)),
        k=draw(hinges),
        w=draw(hinges),
        b=draw(hinges),
        subranges=draw(subranges()),
    )


EXAMPLE = Mixer(
    mel=np.array([[1, 0], [2, 0], [0, 3]], np.float32),
    k0=np.array([1, 0.5], np.float32),
    k=np.array([[-0.5, 2]], np.float32),
    w=np.array([[1, 2]], np.float32),
    b=np.array([[-3, -1]], np.float32),
    subranges=(0.5, 2.0),
)


def test_bands_are_mixed_and_bent():
    spectrogram = np.array([[0, 1], [1, 2], [0.25, 1]], np.float32)
    # Energies [[2, 5], [0.75, 3]]; the hinges begin at 3 and at 0.5.
    assert np.array_equal(mix_bands(spectrogram, EXAMPLE), [[2, 4], [0.375 + 2 * 0.5, 1.5 + 2 * 5]])


@given(
    arrays(np.float32, array_shapes(max_dims=3), elements=st.floats(-2, 100, width=32)), subranges(least=1)
)
def test_subranges_add_up_to_the_clipped_value(values, ends):
    channels = split_into_subranges(values, ends)
    assert channels.dtype == np.float32
    assert channels.shape == (*values.shape, len(ends))
    assert channels.min() >= 0
    assert channels.max() <= 1
    total = channels.astype(np.float64) @ np.diff([0.0, *ends])
    assert np.abs(total - np.clip(values, 0, ends[-1])).max() <= np.finfo(np.float32).eps * ends[-1]


@given(subranges(least=2))
def test_a_subrange_moves_only_when_the_one_before_is_full(ends):
    channels = split_into_subranges(np.linspace(0, 1.1 * ends[-1], 101).astype(np.float32), ends)
    assert (np.diff(channels, axis=0) >= 0).all()
    assert (channels[:, :-1][channels[:, 1:] > 0] == 1).all()


def test_without_subranges_there_is_one_channel_as_it_is():
    values = np.array([-1, 0, 7], np.float32)
    assert np.array_equal(split_into_subranges(values, ()), values[:, np.newaxis])


@given(mixers())
def test_a_mixer_reads_back_and_has_one_form(tmp_path_factory, mixer):
    folder = tmp_path_factory.mktemp("mixer")
    for name in ("first.npz", "second.npz"):
        save_mixer(folder / name, mixer)
    assert (folder / "first.npz").read_bytes() == (folder / "second.npz").read_bytes()
    loaded = load_mixer(folder / "first.npz")
    assert loaded == mixer
    assert hash(loaded) == hash(mixer)
    assert loaded.subranges == mixer.subranges
    with np.load(folder / "first.npz", allow_pickle=False) as file:
        assert np.array_equal(file["mel"], mixer.mel)


@pytest.mark.parametrize("field", ["mel", "k0", "k", "w", "b"])
def test_one_other_number_makes_another_mixer(field):
    table = getattr(EXAMPLE, field).copy()
    table.flat[-1] += 1
    other = replace(EXAMPLE, **{field: table})
    assert other != EXAMPLE
    assert other.digest != EXAMPLE.digest
    assert replace(EXAMPLE, subranges=(0.5, 2.5)) != EXAMPLE
    assert EXAMPLE != "a mixer"


def test_a_mixer_cannot_be_changed_through_its_arrays():
    mel = np.ones((3, 2), np.float32)
    mixer = replace(EXAMPLE, mel=mel)
    mel[0, 0] = 5
    assert mixer.mel[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        mixer.mel[0, 0] = 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mel": np.ones(3)}, r"mel has the shape \[3\]"),
        ({"mel": np.ones((0, 2))}, r"mel has the shape \[0, 2\]"),
        ({"mel": -np.ones((3, 2))}, "mel holds -1"),
        ({"mel": np.full((3, 2), np.nan)}, "mel holds values that are not finite"),
        ({"k0": np.ones(3)}, r"k0 has the shape \[3\]"),
        ({"k": np.ones((2, 2))}, r"w has the shape \[1, 2\]"),
        ({"k": np.float32(1)}, r"k has the shape \[\]"),
        ({"k": np.ones((65, 2))}, "65 pieces"),
        ({"b": np.full((1, 2), np.inf)}, "b holds values that are not finite"),
        ({"subranges": (0.0, 1.0)}, "sub-ranges end at"),
        ({"subranges": (1.0, 0.5)}, "sub-ranges end at"),
        ({"subranges": (1.0, 1.0 + 1e-12)}, "sub-ranges end at"),
        ({"subranges": (1.0, float("nan"))}, "sub-ranges end at"),
        ({"subranges": tuple(range(1, 10))}, "sub-ranges end at"),
    ],
)
def test_contradictions_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        replace(EXAMPLE, **change)


def npy(array, **options):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(array), **options)
    return stream.getvalue()


def header(shape, descr="<f4"):
    """Return an array's header of ``shape`` without its data."""
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("mel", None, "lacks mel"),
        ("gears", None, "lacks gears"),
        ("k0", b"", "k0 is not such an array"),
        ("k0", header("(2,)"), "k0 is not such an array"),
        ("k0", header("(1000000000000,)"), "k0 is not such an array"),
        ("k0", header("(2,)", "|O") + bytes(16), "k0 is not such an array"),
        ("k0", header("__import__('os').getcwd()"), "k0 is not such an array"),
        ("k0", npy(np.ones(2)), "k0 is not such an array"),
        ("k0", npy(np.ones(2, np.float32), version=(2, 0)), "k0 is not such an array"),
        ("mel", npy(np.asfortranarray(EXAMPLE.mel)), "mel is not such an array"),
        ("k0", npy(np.ones(3, np.float32)), r"k0 has the shape \[3\]"),
        ("k0", npy(np.full(2, np.nan, np.float32)), "k0 holds values that are not finite"),
        ("gears", npy(np.array([[1.0]])), "gears has the shape"),
        ("gears", npy(np.array([2.0, 1.0])), "sub-ranges end at"),
        ("k", bytes(MAX_FILE_BYTES + 1), "k is larger than"),
    ],
)
def test_a_hostile_file_is_refused(tmp_path, name, content, message):
    save_mixer(tmp_path / "good.npz", EXAMPLE)
    path = tmp_path / "hostile.npz"
    with (
        zipfile.ZipFile(tmp_path / "good.npz") as good,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as hostile,
    ):
        members = {member: good.read(member) for member in good.namelist()} | {f"{name}.npy": content}
        for member, data in members.items():
            if data is not None:
                hostile.writestr(member, data)
    with pytest.raises(InputError, match=message) as caught:
        load_mixer(path)
    assert caught.value.where == str(path)


@pytest.mark.parametrize(
    "damage", [lambda whole: whole[:-30], lambda whole: whole[:170] + b"?" + whole[171:]]
)
def test_a_damaged_file_is_refused(tmp_path, damage):
    path = tmp_path / "mixer.npz"
    save_mixer(path, EXAMPLE)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match="is not an archive"):
        load_mixer(path)
    path.write_text("no archive at all")
    with pytest.raises(InputError, match="is not an archive"):
        load_mixer(path)
    with pytest.raises(InputError, match="cannot be read"):
        load_mixer(tmp_path / "missing.npz")
