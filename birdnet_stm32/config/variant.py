"""Variant files: one table for each stage. Every key has a type, bounds and a description.

``variants/<name>.toml`` becomes a frozen :class:`Variant`. An unknown key, a wrong type or a value out of
range is refused. The error names the line, what is allowed, and a suggestion. The reference page and the JSON
schema for editors are made from these classes by ``scripts/variant_reference.py``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from birdnet_stm32.boards import folders
from birdnet_stm32.boards.choice import (
    BoardName,
    check_boards,
    check_external_memory,
    check_weights_address,
)
from birdnet_stm32.config.accuracy_tables import EvaluateTable, ThresholdsTable
from birdnet_stm32.config.augment_table import AugmentTable
from birdnet_stm32.config.config_table import ConfigTable, Seed
from birdnet_stm32.config.detect_table import DetectTable
from birdnet_stm32.config.recipe_names import ListedRecipe, RecipeName
from birdnet_stm32.config.recording_tables import FetchTable, IndexTable
from birdnet_stm32.config.run_table import RunTable
from birdnet_stm32.config.teacher_table import TeacherTable
from birdnet_stm32.config.text_types import (
    RULE,
    VERSION,
    CompilerOption,
    Name,
    NpuGate,
    PathText,
)
from birdnet_stm32.config.training_tables import RepresentativeTable, TrainTable
from birdnet_stm32.config.window_tables import WindowsTable

MAX_RAW_SAMPLES = 65_535  # of a waveform as the network's input: the NPU counts a dimension in 16 bits


class VariantTable(ConfigTable):
    """The title and the version of this release."""

    title: Name
    """Title that reports and the firmware show."""
    version: Annotated[str, Field(pattern=VERSION)] = "0.1.0"
    """Semantic version of the release."""


StageWidth = Annotated[int, Field(ge=8, le=512)]
StageDepth = Annotated[int, Field(ge=1, le=8)]
KernelSize = Literal[3, 5]
ONE_FOR_EACH_STAGE = Field(min_length=4, max_length=4)


class ModelTable(ConfigTable):
    """The checkpoint to use, or the model to train."""

    checkpoint: PathText | None = None
    """A ``.keras`` file with a trained model. If it is given, nothing is trained."""
    config: PathText | None = None
    """The ``*_model_config.json`` of the checkpoint."""
    labels: PathText | None = None
    """The ``*_labels.txt`` of the checkpoint, with one name on each line, in the order of the outputs. It
    says how the classes of the configuration are shown."""
    label_order: Literal["labels", "configuration"] | None = None
    """The file that has the order of the outputs, if ``labels`` and the configuration have the same names in
    different orders. Without this key such a label file is refused."""
    sample_rate_hz: Annotated[int, Field(ge=8_000, le=96_000)] = 24_000
    """Sample rate in Hz to which all audio is converted."""
    window_s: Annotated[float, Field(ge=0.5, le=10)] = 2.5
    """Length of one window in seconds: the audio that the network processes at a time."""
    frontend: Literal["hybrid", "mel", "raw"] = "hybrid"
    """``hybrid``: the processor computes the STFT, and the network the mel bands. ``mel``: the processor
    computes both. ``raw``: the network gets the waveform and learns its filters."""
    fft_length: Literal[256, 512, 1024, 2048] = 512
    """Number of points of the FFT."""
    spec_width: Annotated[int, Field(ge=32, le=1024)] = 256
    """Number of frames of a spectrogram."""
    num_mels: Annotated[int, Field(ge=16, le=128, multiple_of=8)] = 64
    """Number of mel bands."""
    layout: Literal["time_major", "frequency_major"] = "time_major"
    """Order of the axes of the spectrogram. ``time_major`` needs no transposition in the network."""
    input_compression: Literal["none", "sqrt", "log"] = "sqrt"
    """Function that is applied to the spectrogram before it is scaled to [0, 1]. With ``sqrt`` the result
    loses least when it is rounded to 8 bits."""
    magnitude_scale: Literal["pwl", "none", "db"] = "pwl"
    """Scaling of the magnitudes inside the network. ``db`` loses much when it is quantized."""
    stage_widths: Annotated[tuple[StageWidth, ...], ONE_FOR_EACH_STAGE] = (32, 64, 128, 256)
    """Number of channels of each of the four stages, before it is multiplied by ``alpha`` and rounded to a
    multiple of 8."""
    stage_depths: Annotated[tuple[StageDepth, ...], ONE_FOR_EACH_STAGE] = (2, 3, 4, 2)
    """Number of blocks in each stage."""
    depthwise_kernels: Annotated[tuple[KernelSize, ...], ONE_FOR_EACH_STAGE] = (3, 3, 3, 3)
    """Rows and columns of the depthwise kernels of each stage: 3 or 5."""
    alpha: Annotated[float, Field(ge=0.1, le=2)] = 0.5
    """Factor for the number of channels of the first convolution and of every stage."""
    depth_multiplier: Annotated[int, Field(ge=1, le=4)] = 1
    """How often each block is repeated."""
    embedding_size: Annotated[int, Field(ge=32, le=1024, multiple_of=8)] = 256
    """Number of channels before the classifier."""

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


class QatTable(ConfigTable):
    """Quantization-aware training."""

    when: Literal["never", "needed", "always"] = "needed"
    """``needed``: train only if the recipes before it miss a gate. ``always``: try nothing else. ``never``:
    do not train."""
    epochs: Annotated[int, Field(ge=1, le=1_000)] = 10
    """Number of passes over the data."""
    batch_size: Annotated[int, Field(ge=1, le=1_024)] = 16
    """Number of windows in one training step."""
    learning_rate: Annotated[float, Field(gt=0, le=0.1)] = 1e-4
    """Learning rate at the beginning. It falls to zero along a cosine."""
    seed: Seed = 42
    """Seed of all random choices. The same seed gives the same result."""


class QuantizeTable(ConfigTable):
    """The ways to quantize, and how one of them is chosen."""

    recipes: Annotated[tuple[ListedRecipe, ...], Field(min_length=1)] | None = None
    """Recipes to try, in this order (docs/explanation/quantization.md says what each does). Default: ``ptq``,
    ``inner_subranges``, ``qat``; with ``[qat] when = "never"`` only ``ptq``."""
    select: Literal["first", "best"] = "first"
    """``first``: take the first recipe whose candidate reaches the gates on the held-out windows; later
    recipes are not computed. ``best``: compute all recipes and take the candidate that loses least on the
    labels of these windows; or, where too few labels are known, the one that agrees best with the float
    model."""

    @field_validator("recipes")
    @classmethod
    def _no_recipe_twice(cls, recipes: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if recipes is not None and len(set(recipes)) < len(recipes):
            raise ValueError("lists a recipe twice")
        return recipes


class ConvertTable(ConfigTable):
    """Options of post-training quantization."""

    per_tensor: bool = False
    """``true``: one scale for each kernel. ``false``: one scale for each output channel."""
    ranges: Literal["minmax", "percentile", "mse"] | None = None
    """How the range of an activation is chosen from the values that it had during calibration. ``minmax``:
    all values. ``percentile``: the smallest range that holds ``percentile`` per cent of the values. ``mse``:
    the range with the smallest mean squared error. Default: ``minmax``; for the recipe ``equalize`` and those
    after it, the range that changes quiet windows least."""
    percentile: Annotated[float, Field(gt=50, le=100)] = 99.99
    """Percentage of the values that the range holds, for ``ranges = "percentile"``."""


class VerifyTable(ConfigTable):
    """Limits for the agreement between the probabilities of the int8 model and of the float model."""

    min_cosine_mean: Annotated[float, Field(ge=0, le=1)] = 0.95
    """Least mean of the cosine similarity over all validation windows."""
    min_cosine_p05: Annotated[float, Field(ge=0, le=1)] = 0.90
    """Least 5th percentile of the cosine similarity."""


class LintTable(ConfigTable):
    """Findings of the linter that are known and allowed."""

    suppress: dict[Annotated[str, Field(pattern=RULE)], Annotated[str, Field(min_length=1)]] = Field(
        default={}
    )
    """Rules whose findings are allowed, each with the reason: ``{ rule-id = "reason" }``. The command
    ``birdnet-stm32 lint --rules`` lists the rules."""


class CodegenTable(ConfigTable):
    """How C is generated from the network."""

    backend: Literal["portable", "stedgeai"] = "portable"
    """``portable``: the code generator of this project. ``stedgeai``: also ST's compiler for the NPU."""
    test_vectors: Annotated[int, Field(ge=1, le=8)] = 2
    """Number of windows that are stored in the firmware for its self-test."""
    split_head: bool = False
    """``true``: the last layer of the network, with the names and thresholds of the classes, lies in a
    section of its own. A head of a few kB then replaces it, without the rest of the firmware:
    docs/how-to/update-the-head.md. It needs ``backend = "portable"``."""
    head_classes: Annotated[int | None, Field(ge=1, le=4_096)] = None
    """Number of classes that memory is reserved for, with ``split_head``. Default: those of the model, and 16
    more."""

    @model_validator(mode="after")
    def _has_a_head_to_split(self) -> Self:
        if self.split_head and self.backend == "stedgeai":
            raise ValueError(
                'split_head = true needs backend = "portable": "stedgeai" compiles the whole network'
            )
        return self


class NpuTable(ConfigTable):
    """How ST's tool compiles the network for the NPU. The table needs ``[codegen] backend = "stedgeai"``."""

    core_dir: PathText | None = None
    """Folder of one version of ST Edge AI Core. Default: ``STEDGEAI_CORE_DIR``, then ``PATH``, then the
    folders of ST's installers."""
    weights_address: Annotated[int | None, AfterValidator(check_weights_address)] = None
    """Address of the constants in the external flash. The application has to end before it. Default: the
    address in the board's description, 0x70400000 on boards with an STM32N6."""
    hyperram: bool = False
    """``true``: activations may also lie in the external RAM. It is slow, and the firmware then has to start
    it."""
    io: Literal["int8", "model"] = "int8"
    """Types of input and output. ``int8``: both are int8. ``model``: as the ``.tflite`` has them; each float
    costs a conversion in software."""
    options: tuple[CompilerOption, ...] = (
        *("-O3", "--Os", "--Ocache-opt", "--Omax-ca-pipe", "4"),
        *("--native-float", "--cache-maintenance", "--enable-virtual-mem-pools"),
    )
    """Options of the compiler inside ST's tool. Add ``--Oauto-sched`` if activations do not fit (Core 3.0 and
    later)."""
    epoch_controller: bool | None = None
    """``true``: the NPU's epoch controller runs parts of the schedule without the processor, which is faster.
    Default: ``true`` for Core 4.0 and later, as in the profiles of STM32Cube AI Studio."""
    timeout_s: Annotated[float, Field(ge=1, le=10_000_000)] = 1_800.0
    """Seconds after which the tool is ended as hung."""
    waive: dict[NpuGate, Annotated[str, Field(min_length=10, max_length=300)]] = Field({})
    """Gates of docs/reference/npu.md that may be missed, each with the reason."""

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


InputRate = Literal[16_000, 22_050, 32_000, 44_100, 48_000, 96_000]


class FirmwareTable(ConfigTable):
    """The boards, and what their firmware reports."""

    boards: Annotated[tuple[BoardName, ...], Field(min_length=1), AfterValidator(check_boards)] = (
        folders.default_names()
    )
    """Names of folders in ``firmware_templates/boards/``. At most one of them may be a board that is
    flashed."""
    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Least probability of a class that is reported."""
    top_k: Annotated[int, Field(ge=1, le=100)] = 5
    """Greatest number of classes that are reported for a recording."""
    input_rates_hz: tuple[InputRate, ...] = ()
    """Sample rates of recordings in Hz that the emulated firmware converts to the model's. The C package gets
    their filters too (``birdnet_resample_filters.h``). Each adds a filter of 350 bytes to 28 kB to the image,
    up to 113 kB for a model of 22,050 Hz. Default: none, and a recording of another rate is refused."""
    header_version: Literal["2.3", "2.1"] = "2.3"
    """Version of the boot header: ``2.3`` for the STM32N6 of cut 2.0 and later, ``2.1`` for cut 1.1."""


class BundleTable(ConfigTable):
    """Which model may become a bundle."""

    require_above_chance: bool = True
    """``true``: refuse to bundle a model that recognises the species of the validation windows no better than
    chance. ``false``: bundle it anyway; the report and the bundle then say that it hears nothing."""


class EmulateTable(ConfigTable):
    """How many windows run on the emulated core, and how long."""

    windows: Annotated[int, Field(ge=1, le=10_000)] = 50
    """Greatest number of validation windows that the firmware processes."""
    timeout_s: Annotated[float, Field(ge=1, le=10_000_000)] = 1_800.0
    """Seconds after which an emulation is ended as hung."""


class Variant(ConfigTable):
    """One release, described by one file."""

    variant: VariantTable
    fetch: FetchTable | None = None
    index: IndexTable = IndexTable()
    windows: WindowsTable = WindowsTable()
    model: ModelTable = ModelTable()
    teacher: TeacherTable | None = None
    train: TrainTable = TrainTable()
    augment: AugmentTable = AugmentTable()
    run: RunTable = RunTable()
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
    evaluate: EvaluateTable = EvaluateTable()
    thresholds: ThresholdsTable = ThresholdsTable()
    detect: DetectTable = DetectTable()
    bundle: BundleTable = BundleTable()

    @model_validator(mode="after")
    def _has_recipes(self) -> Self:
        if not self.recipes:
            raise ValueError('[quantize] lists only qat, which [qat] when = "never" forbids')
        return self

    @model_validator(mode="after")
    def _has_the_teacher_that_chooses(self) -> Self:
        if self.windows.select == "teacher" and self.teacher is None:
            raise ValueError('[windows] select = "teacher" needs a teacher: add the table [teacher]')
        return self

    @model_validator(mode="after")
    def _can_detect(self) -> Self:
        """Refuse a rule that the windows of a model to train make impossible, before it is trained."""
        if self.model.checkpoint is None and self.train.start is None:
            rate_hz = self.model.sample_rate_hz
            for label in ("", *self.detect.species):
                self.detect.of_species(label).decide_together(
                    window_samples=round(rate_hz * self.model.window_s), sample_rate_hz=rate_hz
                )
        return self

    @model_validator(mode="after")
    def _fits_the_board(self) -> Self:
        npu, boards = self.npu, self.firmware.boards
        check_external_memory(boards, weights_address=npu.weights_address, hyperram=npu.hyperram)
        return self

    @property
    def recipes(self) -> tuple[RecipeName, ...]:
        """The recipes to try, in the order of ``[quantize]``, as far as ``[qat] when`` allows them."""
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
