"""The filters of the front end ``raw`` of line 1.x, brought into one form: one kernel for each block of taps.

A waveform is folded into blocks of ``hop / 2`` samples. A filter covers ``2 * overlap`` blocks and moves by
two blocks for each frame. The versions store the filters in different ways:

- 1.0 and 1.1: one kernel for each phase, ``[1, blocks, block, bands]``;
- 1.2 to 1.5: several partial kernels, each of all blocks and some samples of each (``channels``);
- from 1.6: several partial kernels, each of one block (``taps``);
- from 1.5: both phases in one kernel (``fused``), with a second exposure of each phase from 1.7.

The sum of the partial convolutions is always the same function. It is therefore written in the last of these
ways for all versions. (The NPU computes convolutions of more than 112 taps wrongly, which concerned 1.0 and
1.1, and partial kernels over scattered samples lose more in int8 than contiguous ones.)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import FrontendSpec
from birdnet_stm32.model.checkpoints.front_end_layer import Weights
from birdnet_stm32.model.checkpoints.line_1x.layer_settings import Bank, LayerSettings, SplitAxis

STEP = 2  # blocks from one frame to the next
HOP_MULTIPLE = 16  # samples
SMOOTHING_TAPS = 5
REACH = SMOOTHING_TAPS // 2  # frames on each side that the smoothing of a frame reads


@dataclass(frozen=True, kw_only=True)
class Folding:
    """How a waveform is divided into blocks.

    Args:
        block: samples in a block.
        blocks: blocks that a filter covers.
        frames: frames that are computed; those behind the last frame of the output are only smoothed over.
    """

    block: int
    blocks: int
    frames: int

    @property
    def steps(self) -> int:
        """Steps of two blocks that the frames cover."""
        return self.frames + self.blocks // STEP - 1

    @property
    def samples(self) -> int:
        """Samples of a window that are read, from its start."""
        return self.steps * STEP * self.block


def fold_waveform(spec: FrontendSpec, settings: LayerSettings, path: Path) -> Folding:
    """Return the division that the line 1.x uses.

    Args:
        spec: the model's front end.
        settings: says the length of a filter.
        path: name of the checkpoint in errors.

    Raises:
        InputError: the window is too short for its number of frames.
    """
    hops = spec.spec_width - 1 + settings.overlap
    hop = spec.window_samples // hops // HOP_MULTIPLE * HOP_MULTIPLE
    if spec.spec_width < 2 or hop < 2 * HOP_MULTIPLE:
        raise InputError(
            f"a window of {spec.window_samples} samples has {spec.spec_width} frames",
            where=path,
            expected=f"at least 2 frames of at least {2 * HOP_MULTIPLE} samples",
            remedy="take the *_model_config.json that was written with the model",
        )
    block, blocks = hop // STEP, STEP * settings.overlap
    possible = (spec.window_samples // block - blocks) // STEP + 1
    return Folding(block=block, blocks=blocks, frames=min(possible, spec.spec_width + REACH))


def filter_blocks(
    weights: Weights, settings: LayerSettings, folding: Folding, *, name: str, bands: int, path: Path
) -> list[NDArray[np.float32]]:
    """Return the kernel of each block of taps.

    Args:
        weights: the weights of the checkpoint.
        settings: says how the filters are stored.
        folding: number and length of the blocks.
        name: name of the front-end layer.
        bands: number of bands.
        path: name of the checkpoint in errors.

    Returns:
        Float32 ``[1, 1, block, 2 * exposures * bands]`` for each block: the first phase of every exposure,
        then the second.

    Raises:
        InputError: a kernel is missing or has another shape.
    """
    filters = bands * settings.exposures
    if settings.bank is Bank.FUSED:
        whole = _joined(weights, settings, folding, f"{name}_fb", 2 * filters, path)
    else:
        phases = (
            _joined(weights, settings, folding, f"{name}_fb_{phase}", filters, path) for phase in ("re", "im")
        )
        whole = np.concatenate(list(phases), axis=-1)
    return [whole[:, block : block + 1] for block in range(folding.blocks)]


def stored_names(settings: LayerSettings, folding: Folding, weights: Weights, *, name: str) -> set[str]:
    """Return the names of the layers that hold the filters."""
    phases = [f"{name}_fb"] if settings.bank is Bank.FUSED else [f"{name}_fb_re", f"{name}_fb_im"]
    return {part for phase in phases for part in _parts(weights, folding, phase)}


def _parts(weights: Weights, folding: Folding, phase: str) -> list[str]:
    if phase in weights:
        return [phase]  # 1.0 and 1.1
    return [f"{phase}_{number}" for number in range(folding.blocks)]


def _joined(
    weights: Weights, settings: LayerSettings, folding: Folding, phase: str, filters: int, path: Path
) -> NDArray[np.float32]:
    """Return all partial kernels of one phase as one, ``[1, blocks, block, filters]``."""
    names = _parts(weights, folding, phase)
    by_taps = settings.split_axis is SplitAxis.TAPS and len(names) > 1
    wanted = (1, 1, folding.block, filters)
    if not by_taps:
        wanted = (1, folding.blocks, folding.block // len(names), filters)
    for part in names:
        shapes = [kernel.shape for kernel in weights.get(part, ())]
        if shapes != [wanted]:
            raise InputError(
                f"layer {part} has weights of shapes {[list(shape) for shape in shapes]}",
                where=path,
                expected=f"{list(wanted)}, as its version and its settings require",
            )
    kernels = [weights[part][0] for part in names]
    return np.concatenate(kernels, axis=1 if by_taps else 2)
