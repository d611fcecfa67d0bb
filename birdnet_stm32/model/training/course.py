"""The course of a training: from its first step, or from where it was stopped, to the next."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import keras
import numpy as np
import tensorflow as tf

from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.frontend.spectrogram import prepare
from birdnet_stm32.model.training.ahead import Ahead
from birdnet_stm32.model.training.average import MovingAverage
from birdnet_stm32.model.training.balance import balanced_order, steps_per_epoch
from birdnet_stm32.model.training.devices import check_batch_size, several_machines, strategy_of
from birdnet_stm32.model.training.examples import Examples
from birdnet_stm32.model.training.feed import EpochFeed, order_generator
from birdnet_stm32.model.training.fit_settings import FitSettings
from birdnet_stm32.model.training.history import EpochReport
from birdnet_stm32.model.training.kept_state import Keeping, KeptState, TrainingState
from birdnet_stm32.model.training.projector import Projector
from birdnet_stm32.model.training.speed import Speed
from birdnet_stm32.model.training.step import TrainingStep
from birdnet_stm32.model.training.stopping import StoppedError, stoppable
from birdnet_stm32.model.training.student import Student
from birdnet_stm32.model.training.targets import Floats

Make = Callable[[], Student]
"""Makes the network of a training as it is before the first step. Every call gives an equal one."""

OnStep = Callable[[int, int], None]
"""Called with the number of steps that are done, and of all steps."""


class Course:
    """A network, its optimizers, the examples that it is shown, and what it has come to.

    Args:
        make: makes the network.
        contract: what it is fed.
        examples: what it learns from.
        settings: how to train.
        keeping: where its state is kept, from which it goes on; None to keep nothing.
        purpose: what it is for, beginning with the name of the file of its state.

    Attributes:
        model: the network.
        finished: number of epochs that are finished.
        means: mean loss of each of them.
        history: what was measured after each of them.
        best: the weights of the best of them.
        speeds: how long the epochs took, those of this process.
    """

    def __init__(
        self,
        make: Make,
        contract: ModelContract,
        examples: Examples,
        settings: FitSettings,
        keeping: Keeping | None,
        purpose: str,
    ) -> None:
        strategy = strategy_of(settings.devices)  # first of all: several machines have to find each other
        check_batch_size(settings.batch_size, strategy)
        keras.utils.set_random_seed(settings.seed)
        tf.config.experimental.enable_op_determinism()
        self.speeds: list[Speed] = []
        prepare(contract.frontend)
        self._contract, self._settings, self._examples = contract, settings, examples
        self._steps = steps_per_epoch(examples.classes, settings.batch_size, settings.balance)
        with strategy.scope():
            student = make()
            projector = _projector(student.model, examples, settings)
        self.model = student.model
        self._step = TrainingStep(
            student,
            learning_rate=settings.learning_rate,
            steps=settings.epochs * self._steps,
            label_smoothing=settings.label_smoothing,
            projector=projector,
            strategy=strategy,
            precision=settings.precision,
            jit=settings.jit,
        )
        self._average = None if settings.average is None else MovingAverage(student.model, settings.average)
        self._variables = [
            *self.model.variables,  # with the states of the generators of dropout
            *(variable for optimizer in self._step.optimizers for variable in optimizer.variables),
            *(projector.variables if projector else ()),
            *(self._average.variables if self._average else ()),
        ]
        self.finished, self._losses, self.means = 0, list[float](), list[float]()
        self.history: list[EpochReport] = []
        self.best: Sequence[Floats] = []
        self._after_step: Callable[[], None] = lambda: None
        self._kept = None
        if keeping and not several_machines():  # each would go on from a step of its own
            self._kept = KeptState(keeping, purpose.partition(" ")[0], f"{purpose}\n{self._identity()}")
            state = self._kept.read()
            if state is not None:
                self._go_on(state)

    def _identity(self) -> str:
        """Return what tells this training from others, before its first step."""
        whole = hashlib.sha256(self._examples.classes.tobytes())
        for variable in self._variables:
            whole.update(variable.numpy().tobytes())
        alike = replace(self._settings, workers=0)  # their number changes nothing
        return f"{alike}\n{self._contract}\n{whole.hexdigest()}"

    def _go_on(self, state: TrainingState) -> None:
        """Go on from a state."""
        self.finished, self._losses, self.means = state.epochs, list(state.losses), list(state.means)
        self.history, self.best = list(state.history), state.best
        for variable, value in zip(self._variables, state.variables, strict=True):
            variable.assign(value)

    def _keep(self) -> None:
        """Write what the training has come to."""
        if self._kept:
            self._kept.write(
                TrainingState(
                    epochs=self.finished,
                    losses=tuple(self._losses),
                    means=tuple(self.means),
                    history=tuple(self.history),
                    variables=[variable.numpy() for variable in self._variables],
                    best=self.best,
                )
            )

    @contextmanager
    def stoppable(self, on_step: OnStep, epochs: int | None = None) -> Iterator[None]:
        """Look after each step whether it is time to keep the state or to stop; keep it at the end.

        Args:
            on_step: called after each step.
            epochs: number of epochs of this training, if not that of its settings.
        """
        total = (epochs or self._settings.epochs) * self._steps
        with stoppable() as user_stops:

            def look() -> None:
                on_step(self.finished * self._steps + len(self._losses), total)
                stops = user_stops()
                if self._kept and (stops or self._kept.due()):
                    self._keep()
                if stops:
                    raise StoppedError(self._where())

            self._after_step = look
            yield
            self._keep()

    def _where(self) -> str:
        """Return how far the training has come."""
        if self._losses:
            place = f"in epoch {self.finished + 1}, after {len(self._losses)} of {self._steps} steps"
        else:
            place = f"after epoch {self.finished}"
        return place if self._kept else f"{place}, and nothing of it is kept"

    def finish_epoch(self, report: EpochReport | None = None) -> None:
        """Count an epoch as finished, with what was measured after it."""
        self.means.append(float(np.mean(self._losses)))
        self.history += [report] if report else []
        self._losses = []
        self.finished += 1
        self._after_step()

    @property
    def weights(self) -> list[Floats]:
        """The weights to keep: the averages if there are any, else those of the last step."""
        own: list[Floats] = self.model.get_weights()
        return own if self._average is None else self._average.weights

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Let the network have the weights to keep while the block runs."""
        if self._average is None:
            yield
            return
        with self._average.in_place():
            yield

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step."""
        return self._step.learning_rate

    def run_epoch(self) -> list[float]:
        """Show every example of an epoch once, or those that are left; return the loss of each batch."""
        settings, spec, epoch = self._settings, self._contract.frontend, self.finished + 1
        started = time.perf_counter()
        feed = EpochFeed(
            examples=self._examples,
            order=balanced_order(
                self._examples.classes,
                self._steps * settings.batch_size,
                order_generator(settings.seed, epoch),
                settings.balance,
            ),
            seed=settings.seed,
            epoch=epoch,
            batch_size=settings.batch_size,
            augmentation=settings.augmentation,
        )
        # A worker computes the features of its batch alone: the others have batches of their own.
        threads, past = 1 if settings.workers else None, len(self._losses)
        batches = Ahead(
            lambda number: feed.batch(past + number, spec, threads=threads),
            len(feed) - past,
            workers=settings.workers,
        )
        for batch in batches:
            self._losses.append(self._step(batch))
            if self._average is not None:
                self._average.update()
            self._after_step()
        self.speeds.append(Speed(seconds=time.perf_counter() - started, waited_s=batches.waited_s))
        return self._losses


def _projector(model: keras.Model, examples: Examples, settings: FitSettings) -> Projector | None:
    """Return what draws the embeddings towards the teacher's; None without a teacher."""
    if examples.embeddings is None or not settings.embedding_weight:
        return None
    return Projector(
        model,
        dimensions=examples.embeddings.shape[1],
        weight=settings.embedding_weight,
        seed=settings.seed,
    )
