"""A step of a recipe is a value: what it needs, and what it does to the model and to its ranges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.quant.ranges import calibrate, clipping
from birdnet_stm32.quant.ranges.clipping import Clipping, clip_ranges
from birdnet_stm32.quant.recipes.settings import RecipeSettings
from birdnet_stm32.quant.rewriting.network import Floats, Network
from birdnet_stm32.quant.simulation.grids import Ranges, quantized_tensors, ranges_in_order

if TYPE_CHECKING:
    import keras

Pcm = npt.NDArray[np.int16]
Shares = dict[str, float]
"""Share of its operand range that each tensor keeps, by name."""
Ranking = Callable[[Floats], float]
Report = Callable[[int, int], None]
"""Called with (done, total) after each part of the work."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Draft:
    """A float model on its way through the steps of a recipe.

    Args:
        model: the Keras model; not up to date any more when there is a ``network``.
        contract: what the model, or the network, means and is fed.
        pcm: calibration windows, int16 [n, samples].
        network: the network that steps rewrite; None until :data:`FLOAT_FRONT_END` has made it.
        windows: features of the calibration windows, float32 [n, *input shape of ``network``]; empty until
            then.
        notes: what the steps chose, as ``candidate.json`` shows it.
    """

    model: keras.Model
    contract: ModelContract
    pcm: Pcm
    network: Network | None = None
    windows: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def rewritten(self) -> Network:
        """The network. Raises: ValueError if no step has made one."""
        if self.network is None:
            raise ValueError("no step has split the front end from the network")
        return self.network


@dataclass(frozen=True, kw_only=True)
class RangeChoice:
    """How the operand ranges of a network are chosen from what its tensors were observed to hold.

    Args:
        limit: returns ranges without the values that cannot change the output; None keeps them.
        clip: returns the share of its range that each tensor keeps, from the network, the calibration windows
            and the limited ranges; None keeps the whole ranges.
    """

    limit: Callable[[Network, Ranges], Ranges] | None = None
    clip: Callable[[Network, Floats, Ranges], Shares] | None = None

    def shares(self, network: Network, windows: Floats, observed: Ranges) -> Shares:
        """Return the share of its range that each tensor keeps; empty if all keep the whole range."""
        return {} if self.clip is None else self.clip(network, windows, self._limited(network, observed))

    def ranges(self, network: Network, observed: Ranges, shares: Shares) -> Ranges:
        """Return the operand ranges for ``observed`` ones, of which each tensor keeps a share."""
        limited = self._limited(network, observed)
        # The limit of a tensor follows from the ranges of others, so clipping can make it narrower.
        return self._limited(network, clip_ranges(limited, shares)) if shares else limited

    def _limited(self, network: Network, ranges: Ranges) -> Ranges:
        return ranges if self.limit is None else self.limit(network, ranges)


def histogram_clipping(clip: Clipping) -> Callable[[Network, Floats, Ranges], Shares]:
    """Return the function that clips ranges as the settings ask for, instead of as the recipe would."""

    def shares(network: Network, windows: Floats, ranges: Ranges) -> Shares:
        from birdnet_stm32.quant.convert import float_graph
        from birdnet_stm32.quant.rewriting.keras_io import to_keras

        graph = float_graph(to_keras(network))
        by_index = calibrate.assign_ranges(graph, ranges_in_order(network, ranges))
        kept = clipping.histogram_shares(graph, windows, by_index, clip)
        moved = calibrate.moved_tensors(graph)
        indices = (index for index in by_index if index not in moved)
        names = quantized_tensors(network)
        return {name: kept[index] for name, index in zip(names, indices, strict=True) if index in kept}

    return shares


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingInput:
    """What a step that trains is given beside the draft.

    Args:
        held_out_pcm: windows of other recordings, int16 [k, samples]; they choose the epoch.
        settings: of the recipe.
        range_choice: how the recipe chooses operand ranges.
        report: called with (done, total) after each epoch.
        ranking: takes the probabilities of these windows, float32 ``[k, classes]``, and returns how well they
            rank their recordings, the cMAP; None where their classes are not known.
    """

    held_out_pcm: Pcm
    settings: RecipeSettings
    range_choice: RangeChoice
    report: Report
    ranking: Ranking | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """One technique of a recipe. A step does one of five things, at one of five points of time.

    Args:
        name: of the technique.
        does: what it does, in one sentence.
        needs: steps that a recipe with this one must list before it.
        rewrite: 1. changes the model without changing its function.
        train: 2. changes the weights.
        limit: 3. limits observed ranges, see :class:`RangeChoice`.
        clip: 4. clips limited ranges, see :class:`RangeChoice`; a setting can replace it.
        correct: 5. changes the int8 copy of the network alone, from network, calibration windows, operand
            ranges and the probabilities that are expected.
    """

    name: str
    does: str
    needs: tuple[Step, ...] = ()
    rewrite: Callable[[Draft], Draft] | None = None
    train: Callable[[Draft, TrainingInput], Draft] | None = None
    limit: Callable[[Network, Ranges], Ranges] | None = None
    clip: Callable[[Network, Floats, Ranges], Shares] | None = None
    correct: Callable[[Network, Floats, Ranges, Floats], Network] | None = None
