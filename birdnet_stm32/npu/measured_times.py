"""Times of public networks on ST's STM32N6 discovery kit, and the rates that were fitted to them.

scripts/npu_cycles.py fitted the rates. This project measured none of the times. The features are those of
:mod:`birdnet_stm32.npu.cycles`.
"""

from __future__ import annotations

from dataclasses import dataclass

from birdnet_stm32.npu.cycle_features import Features

_ZOO = "STMicroelectronics/stm32ai-modelzoo, "
_STT = "LarocheC/stm32n6-stt, "
_MAGNUS = "Magnus3327/stm32n6-edge-ai-benchmarks, "


@dataclass(frozen=True, kw_only=True)
class MeasuredNetwork:
    """A network whose time on a board is public.

    Args:
        name: name of the network. The part before a ``-`` is the set that it belongs to.
        core: version of ST Edge AI Core that compiled it.
        ms: milliseconds of one inference.
        source: where the time is published.
        features: features of the whole network.
    """

    name: str
    core: str
    ms: float
    source: str
    features: Features


def _measured(
    name: str,
    core: str,
    ms: float,
    source: str,
    macs: int,
    weight_bytes: int,
    activation_bytes: int,
    starts: int,
    software_bytes: int,
) -> MeasuredNetwork:
    features = Features(
        macs=macs,
        weight_bytes=weight_bytes,
        activation_bytes=activation_bytes,
        starts=starts,
        software_bytes=software_bytes,
    )
    return MeasuredNetwork(name=name, core=core, ms=ms, source=source, features=features)


MEASURED = (
    _measured(
        "blazeface_front_128",
        "3.0.0",
        4.48,
        _ZOO + "face_detection/facedetect_front/README.md at 7f3764d",
        30_760_960,
        107_954,
        3_677_056,
        56,
        954_752,
    ),
    _measured(
        "citrinet_256_g800",
        "4.0.1",
        124.035,
        _STT + "README.md at bf185ab",
        2_116_520_448,
        9_691_676,
        51_522_668,
        503,
        0,
    ),
    _measured(
        "magnus-conv2d_16f_3x3",
        "4.0.0",
        0.086,
        _MAGNUS + "Output/Output_Baseline/Dev Cloud at ea0f73d",
        1_769_472,
        504,
        143_376,
        2,
        0,
    ),
    _measured(
        "magnus-conv2d_1x1",
        "4.0.0",
        0.288,
        _MAGNUS + "Output/Output_Baseline/Dev Cloud at ea0f73d",
        393_216,
        232,
        274_464,
        2,
        0,
    ),
    _measured(
        "magnus-conv2d_1x1-2.2",
        "2.2.0",
        0.153,
        _MAGNUS + "Output/Output_Baseline/Dev Cloud at ea0f73d",
        393_216,
        232,
        274_464,
        2,
        0,
    ),
    _measured(
        "magnus-conv2d_32f_5x5",
        "4.0.0",
        0.161,
        _MAGNUS + "Output/Output_Baseline/Dev Cloud at ea0f73d",
        9_830_400,
        2_536,
        274_464,
        2,
        0,
    ),
    _measured(
        "magnus-conv2d_3x3",
        "4.0.0",
        0.155,
        _MAGNUS + "Output/Output_Baseline/Dev Cloud at ea0f73d",
        3_538_944,
        1_000,
        274_464,
        2,
        0,
    ),
    _measured(
        "magnus-conv2d_64f_3x3",
        "4.0.0",
        0.291,
        _MAGNUS + "Output/Output_Baseline/Dev Cloud at ea0f73d",
        7_077_888,
        1_992,
        536_640,
        2,
        0,
    ),
    _measured(
        "magnus-conv2d_pool",
        "4.0.0",
        0.088,
        _MAGNUS + "Output/Output_Baseline/Dev Cloud at ea0f73d",
        1_769_472,
        504,
        176_144,
        3,
        0,
    ),
    _measured(
        "magnus-depthwise_3x3",
        "4.0.0",
        0.031,
        _MAGNUS + "Output/Output_Baseline/Dev Cloud at ea0f73d",
        110_592,
        47,
        36_867,
        2,
        0,
    ),
    _measured(
        "mobilenet_v1-0.25_224",
        "2.0.0",
        2.83,
        _ZOO + "image_classification/mobilenetv1/README.md at 6f10965",
        40_800_128,
        244_812,
        2_672_485,
        29,
        202,
    ),
    _measured(
        "mobilenet_v1-0.5_224",
        "2.0.0",
        6.06,
        _ZOO + "image_classification/mobilenetv1/README.md at 6f10965",
        149_036_800,
        881_660,
        5_194_341,
        29,
        202,
    ),
    _measured(
        "mobilenet_v1-1.0_224",
        "2.0.0",
        16.94,
        _ZOO + "image_classification/mobilenetv1/README.md at 6f10965",
        567_819_776,
        3_332_700,
        10_238_053,
        29,
        202,
    ),
    _measured(
        "mobilenetv2_a100_256_128",
        "3.0.0",
        13.37,
        _ZOO + "re_identification/mobilenetv2/README.md at 7f3764d",
        195_588_096,
        2_257_992,
        9_245_952,
        63,
        0,
    ),
    _measured(
        "movenet_heatmaps_192",
        "2.0.0",
        18.44,
        _ZOO + "pose_estimation/movenet/README.md at 6f10965",
        236_984_832,
        2_355_908,
        11_894_256,
        79,
        253_440,
    ),
    _measured(
        "osnet_a025_256_128",
        "3.0.0",
        3.53,
        _ZOO + "re_identification/osnet/README.md at 7f3764d",
        82_249_024,
        148_184,
        9_346_288,
        271,
        336,
    ),
    _measured(
        "yamnet_1024",
        "2.0.0",
        9.88,
        _ZOO + "audio_event_detection/yamnet/README.md at 6f10965",
        68_631_652,
        3_194_770,
        1_245_194,
        30,
        12_308,
    ),
)

# Cycles at 1 GHz for one unit of each feature.
RATES = Features(
    macs=0.001448,
    weight_bytes=3.415,
    activation_bytes=0.5191,
    starts=0.0,
    software_bytes=2.308,
)
# The factor of error for networks that were left out of the fit together with their set.
MEDIAN_FACTOR = 1.31
LARGEST_FACTOR = 3.94
