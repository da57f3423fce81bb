"""What a person waits for: seconds from Run, compilation included, to a picture of the wanted quality.

Pictures are taken at every 16 gradients and looked at afterwards, so that looking costs nobody time. A picture is good
if its file is of rank 1 under all shifts, and, of a photo network, if its spectrum is within .30 of photographs'; of
digits, whose pictures are no photographs, if a second network reads it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import actmax_widget as am
from actmax_widget.live.run import Run
from actmax_widget.network import Network
from actmax_widget.scoring.changes import shifted
from actmax_widget.settings import Settings
from benchmarks.contenders import xplique_objective
from benchmarks.gallery import digits, scores, subjects, systems
from benchmarks.gallery.pictures import FOLDER
from benchmarks.gallery.subjects import Subject
from benchmarks.gallery.systems import CROPS, GRADIENTS

EVERY = 16
"""Gradients between two looks."""
NEAR_PHOTOGRAPHS = 0.3
DIGIT_SHIFTS = ((1, 1), (-1, -1), (1, -1), (-1, 1), (1, 0), (-1, 0), (0, 1), (0, -1))
"""Of 28 pixels what 8 are of 227."""

Snapshots = list[tuple[int, np.ndarray, np.ndarray]]
"""Gradients made, seconds since Run by the clock and of the processor, the picture, (H, W, C) of 0 to 255."""


def _now() -> np.ndarray:
    """Seconds by the clock, and those of the processor, which others' work on the machine does not lengthen."""
    return np.array([time.perf_counter(), time.process_time()])


def ours(preset: str, *, shown: bool = False) -> Callable[[Any, str, int], Snapshots]:
    """The run of the widget, without a browser. Shown, it has compiled its step before Run is pressed."""

    def run(model: Any, layer: str, index: int) -> Snapshots:
        began = _now()
        network = Network(model)
        settings = Settings(layer=layer, filter_indices=(index,), steps_per_second=None)
        news = threading.Event()
        one = Run(network, settings, notify=news.set)
        goal = one.update(preset=preset).max_iter
        if shown:
            one.prepare()
            while one.facts().preparing or not one.traces:
                news.wait()
                news.clear()
            began = _now()
        found: Snapshots = []
        while one.iteration < goal:
            one.step(EVERY)
            one.wait()
            if one.facts().error:
                raise RuntimeError(one.facts().error)
            found.append((one.iteration, _now() - began, one.image))
        return found

    return run


def tf_keras_vis(model: Any, layer: str, index: int) -> Snapshots:
    """tf-keras-vis by its defaults."""
    from tf_keras_vis.activation_maximization import ActivationMaximization  # noqa: PLC0415 - a peer
    from tf_keras_vis.activation_maximization.callbacks import Callback  # noqa: PLC0415
    from tf_keras_vis.utils.scores import CategoricalScore  # noqa: PLC0415

    found: Snapshots = []

    class Look(Callback):  # type: ignore[misc]
        def __call__(self, i: int, values: Any, *_: Any, **__: Any) -> None:
            if (i + 1) % EVERY == 0:
                found.append((i + 1, _now() - began, np.asarray(values[0])[0]))

    del layer  # the last one
    systems.seeded(0)
    began = _now()
    ActivationMaximization(model, clone=False)(CategoricalScore([index]), steps=GRADIENTS, callbacks=[Look()])
    return found


def optimize(model: Any, layer: str, index: int) -> Snapshots:
    """Xplique's optimize by its defaults, but for digits at their own size; it gives its pictures at the end."""
    from xplique.features_visualizations import optimize as theirs  # noqa: PLC0415 - a peer

    del layer
    systems.seeded(0)
    small = {"custom_shape": (28, 28)} if model.inputs[0].shape[-1] == 1 else {}
    began = _now()
    clock = _Clock(keras.optimizers.Adam(0.05), EVERY)  # its default
    objective = xplique_objective(subjects.rescaled(model, 0, 1), "target", index)
    pictures, _ = theirs(objective, clock, nb_steps=GRADIENTS, save_every=EVERY, **small)
    seconds = [at - began for at in clock.moments]
    found = zip(seconds, pictures, strict=True)
    return [(EVERY * (k + 1), at, 255 * np.asarray(one)[0]) for k, (at, one) in enumerate(found)]


def maco(model: Any, layer: str, index: int) -> Snapshots:
    """Xplique's MACO by its defaults, with 8 crops a step; its phases are made pictures afterwards."""
    from xplique.features_visualizations import maco as theirs  # noqa: PLC0415 - a peer
    from xplique.features_visualizations import preconditioning  # noqa: PLC0415

    del layer
    systems.seeded(0)
    began = _now()
    clock = _Clock(keras.optimizers.Nadam(1.0), EVERY // CROPS)  # its default
    objective = xplique_objective(subjects.rescaled(model, -1, 1), "target", index)
    theirs(objective, clock, nb_steps=GRADIENTS // CROPS, nb_crops=CROPS)
    magnitude, _ = preconditioning.init_maco_buffer((512, 512))
    found: Snapshots = []
    for k, (at, phase) in enumerate(zip(clock.moments, clock.values, strict=True)):
        picture = preconditioning.maco_image_parametrization(magnitude, tf.constant(phase), (-1, 1))
        found.append((EVERY * (k + 1), at - began, 127.5 * (np.asarray(picture) + 1)))
    return found


class _Clock:
    """An optimizer that notes when it was called, and with what, at every so many calls."""

    def __init__(self, optimizer: Any, every: int) -> None:
        self.optimizer, self.every, self.calls = optimizer, every, 0
        self.moments: list[np.ndarray] = []
        self.values: list[np.ndarray] = []

    def apply_gradients(self, pairs: Any) -> None:
        pairs = list(pairs)
        self.optimizer.apply_gradients(pairs)
        self.calls += 1
        if self.calls % self.every == 0:
            self.values.append(pairs[0][1].numpy())
            self.moments.append(_now())


def _half(run: Callable[[Any, str, int], Snapshots]) -> Callable[[Any, str, int], Snapshots]:
    def halves(*given: Any) -> Snapshots:
        found = run(*given)
        quarter = len(found[0][2]) // 4
        return [(made, at, picture[quarter:-quarter, quarter:-quarter]) for made, at, picture in found]

    return halves


PHOTOS: dict[str, Callable[[Any, str, int], Snapshots]] = {
    "natural": ours("natural"),
    "quick": ours("quick"),
    **{preset + systems.ON_SCREEN: ours(preset, shown=True) for preset in ("natural", "quick")},
    "tf-keras-vis": tf_keras_vis,
    "xplique optimize" + systems.HALF: _half(optimize),
    "xplique MACO" + systems.HALF: _half(maco),
}
DIGITS = {
    name: PHOTOS[name]
    for name in ("natural", "quick", "natural" + systems.ON_SCREEN, "quick" + systems.ON_SCREEN, "tf-keras-vis")
} | {"xplique optimize": optimize}
"""MACO has no spectrum for grey pictures."""


def on_photos(system: str, index: int) -> dict[str, Any]:
    """A row of SqueezeNet: when its picture was good first, None if never, and when the run ended."""
    own = Subject("squeezenet", subjects.squeezenet(), "efficientnet")  # a new one, so that nothing is compiled

    def good(picture: np.ndarray) -> bool:
        path = FOLDER / "waiting.png"
        scores.save(picture, path)
        found = scores.score(path, own, index)
        return found["own_rank"] == found["shift_rank"] == 1 and found["spectrum"] <= NEAR_PHOTOGRAPHS

    return _row("squeezenet", system, index, PHOTOS[system](own.model, "logits", index), good)


def on_digits(system: str, digit: int) -> dict[str, Any]:
    """A row of the bundled digits."""
    second, _ = digits.reader()
    model = am.demo.digits()

    def good(picture: np.ndarray) -> bool:
        file = np.clip(np.rint(picture), 0, 255)
        shown = np.stack([file, *(shifted(file, by) for by in DIGIT_SHIFTS)])
        own = scores.ranks(model.predict_on_batch(shown), digit)
        return bool((own == 1).all()) and int(second.predict_on_batch(file[None]).argmax()) == digit

    return _row("digits", system, digit, DIGITS[system](model, "out", digit), good)


def _row(network: str, system: str, index: int, shown: Snapshots, good: Callable[[np.ndarray], bool]) -> dict[str, Any]:
    first = next(((made, at) for made, at, picture in shown if good(picture)), None)
    row: dict[str, Any] = {"network": network, "system": system, "class": index, "gradients": first and first[0]}
    for name, moment in {"": first and first[1], "first_look_": shown[0][1], "end_": shown[-1][1]}.items():
        row[f"{name}seconds"], row[f"{name}cpu"] = (None, None) if moment is None else map(float, moment)
    return row
