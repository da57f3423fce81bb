"""Runs made to go wrong in known ways, and sound ones: what the doctor has to tell apart."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import layers, ops

import actmax_widget as am
from actmax_widget import losses, presets, regularizers
from actmax_widget.engine.doctor import Known
from actmax_widget.live.run import Run
from actmax_widget.network import Network
from actmax_widget.settings import Settings
from tests.networks import exploding

# --- networks ---------------------------------------------------------------------------------------------------------


@functools.cache
def digits(variant: str = "stretched") -> Any:
    return am.demo.digits(variant)


@functools.cache
def apples() -> Any:
    return am.demo.apples()


@functools.cache
def photos() -> Any:
    return am.demo.photos()


def stripes(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of 0 to 255 of lying and of standing stripes, and of discs, and which they are."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:16, :16]
    kinds, pictures = random.integers(0, 3, count), np.empty((count, 16, 16, 1), "float32")
    for number, kind in enumerate(kinds):
        along = (rows, columns, np.hypot(rows - random.uniform(5, 11), columns - random.uniform(5, 11)))[kind]
        wave = np.sin(along * random.uniform(0.8, 1.6) + random.uniform(0, 6)) if kind < 2 else 4 - along
        shown = 128 + random.uniform(60, 120) * np.tanh(2 * wave) + random.normal(0, 10, (16, 16))
        pictures[number, ..., 0] = np.clip(shown, 0, 255)
    return pictures, kinds


@functools.cache
def trained() -> Any:
    """A small classifier of stripes and discs, as a beginner trains one: a softmax at its end."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((16, 16, 1)),
            layers.Rescaling(1 / 255, name="rescale"),
            layers.Conv2D(8, 5, activation="relu", name="conv1"),
            layers.MaxPooling2D(name="pool"),
            layers.Conv2D(12, 3, activation="relu", name="conv2"),
            layers.Flatten(name="flatten"),
            layers.Dense(3, activation="softmax", name="kind"),
        ],
        name="stripes",
    )
    pictures, kinds = stripes(900)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(pictures, kinds, epochs=6, batch_size=32, verbose=0)
    return model


@functools.cache
def ending_in_ops() -> Any:
    """The same with a softmax of keras.ops behind, which is no layer's activation."""
    model = trained()
    logits = layers.Dense(3, name="kind")
    inputs = keras.Input((16, 16, 1))
    found = logits(keras.Model(model.inputs, model.get_layer("flatten").output)(inputs))
    logits.set_weights(model.get_layer("kind").get_weights())
    return keras.Model(inputs, layers.Lambda(ops.softmax, name="odds")(found), name="in_ops")


class Subclassed(keras.Model):
    def __init__(self) -> None:
        super().__init__(name="subclassed")
        self.body = keras.Sequential(trained().layers[:-1])
        self.kind = layers.Dense(3, activation="softmax", name="kind")

    def call(self, inputs: Any) -> Any:
        return self.kind(self.body(inputs))


@functools.cache
def subclassed() -> Any:
    model = Subclassed()
    model(np.zeros((1, 16, 16, 1), "float32"))
    model.kind.set_weights(trained().get_layer("kind").get_weights())
    return model


@functools.cache
def units(dead: int = 2, name: str = "units") -> Any:
    """Convolutions with ReLUs, of which one unit is never active."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((20, 20, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Conv2D(6, 3, activation="relu", name="first")(x)
    x = layers.Conv2D(4, 3, activation="relu", name="last")(x)
    model = keras.Model(inputs, layers.Dense(3, name="out")(layers.GlobalAveragePooling2D()(x)), name=name)
    model.get_layer("first").bias.assign(np.full(6, 0.2))
    bias = np.full(4, 0.2)
    bias[dead] = -1e3
    model.get_layer("last").bias.assign(bias)
    return model


@functools.cache
def mobile(name: str = "mobile") -> Any:
    """Depthwise convolutions as MobileNet has them, untrained."""
    keras.utils.set_random_seed(5)
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, -1)(inputs) if name == "mobile" else inputs
    for number, width in enumerate((8, 12, 16)):
        x = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.Conv2D(width, 1, strides=2 if number else 1, use_bias=False, name=f"expand{number}")(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU(6.0, name=f"relu{number}")(x)
    return keras.Model(inputs, layers.Dense(4, name="logits")(layers.GlobalAveragePooling2D()(x)), name=name)


def broken() -> Any:
    """A network with a weight that is no number."""
    model = am.demo.digits()
    weights = model.get_layer("conv2").get_weights()
    weights[0][0, 0, 0, 0] = np.nan
    model.get_layer("conv2").set_weights(weights)
    return model


def rounded() -> Any:
    inputs = keras.Input((8, 8, 1))
    return keras.Model(inputs, layers.Dense(2, name="out")(layers.Flatten()(ops.round(inputs))))


@functools.cache
def labelled() -> Any:
    """Labels whose sigmoids are far from 0: flat."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((12, 12, 1))
    x = layers.Flatten()(layers.Conv2D(4, 3, activation="tanh", name="conv")(layers.Rescaling(1 / 255)(inputs)))
    return keras.Model(inputs, layers.Dense(3, activation="sigmoid", name="out", bias_initializer="ones")(x))


class Wrong(losses.Loss):
    """A user's loss that is no number: at once, or as soon as the picture has changed by this much."""

    name = "Mine"

    def __init__(self, above: float) -> None:
        self.layer, self.above = "out", above

    def build_loss(self) -> Any:
        unit = self.layer.output[:, 0]
        return -unit + ops.sqrt(ops.minimum(self.above - unit, 1.0))


# --- runs -------------------------------------------------------------------------------------------------------------


class Made(NamedTuple):
    """A run, and what the doctor may find: one of ``names``; of a sound one nothing but them."""

    model: Callable[[], Any]
    settings: dict[str, Any]
    names: tuple[str, ...] = ()
    references: Any = None


def by_real_ones(number: int, temperature: float) -> Any:
    """The objective of the preset "references", whose loss of the class may grow while the class is all but certain."""
    with np.load(Path(__file__).parent / "data" / "digits.npz") as data:
        real = data["pictures"][data["labels"] == number]
    network = Network(digits())
    return presets.by_references(network, "out", (number,), real, {"temperature": temperature})["objective"]


def run_of(made: Made, knobs: dict[str, float] | None = None) -> Run:
    """Make a run to its end, in this thread; ``knobs``: numbers of its parts."""
    network = Network(made.model())
    settings = dict(made.settings)
    if isinstance(settings.get("objective"), functools.partial):
        settings["objective"] = settings["objective"]()
    layer = settings.pop("layer", None) or network.last.name
    blank = Settings(layer=layer)
    chosen = blank.changed(**presets.with_preset({"preset": "natural", "seed": 0, **settings}, blank, network))
    chosen = chosen.changed(knobs=knobs or {})
    run = Run(network, chosen, spawn=lambda _: None)
    run.watched = lambda: False
    run.references = lambda _: made.references() if made.references else None
    run.start()
    while run.advance() is not None:
        pass
    return run


def on(*names: str, model: Callable[[], Any], references: Any = None, **settings: Any) -> Made:
    return Made(model, settings, names, references)


PLAIN, ADVERSARIAL = functools.partial(digits, "plain"), functools.partial(digits, "adversarial")
WEAK = {"preset": "keras-vis", "lp_norm_weight": 0, "tv_weight": 0}
TWO = losses.ActivationMaximization("out", 3, name="Three") + 0.001 * losses.ActivationMaximization(
    "out", 8, name="Eight"
)

WRONG = {
    "weights for another network": on("outweighed", model=PLAIN, filter_indices=3, preset="keras-vis", max_iter=200),
    "a total variation of 1e6": on(
        "outweighed", model=digits, filter_indices=3, preset="keras-vis", tv_weight=1e6, max_iter=200
    ),
    "a norm of 1e7": on(
        "outweighed", "grey", model=digits, filter_indices=3, preset="keras-vis", lp_norm_weight=1e7, max_iter=200
    ),
    "tv of 300 on stripes": on("outweighed", model=trained, filter_indices=1, tv_weight=300),
    "a rate of 30": on("saturated", "bounces", model=PLAIN, filter_indices=3, learning_rate=30),
    "a rate of 3, adversarial": on("saturated", "bounces", model=ADVERSARIAL, filter_indices=3, learning_rate=3),
    "keras-vis with a rate of 300": on(
        "bounces", "saturated", model=digits, filter_indices=3, preset="keras-vis", learning_rate=300, max_iter=200
    ),
    "a rate of 1e-5": on("still", model=PLAIN, filter_indices=3, learning_rate=1e-5),
    "keras-vis with a rate of 1e-4": on(
        "still", model=digits, filter_indices=3, preset="keras-vis", learning_rate=1e-4, max_iter=200
    ),
    "60 steps of 256": on("rising", model=digits, filter_indices=3, max_iter=60),
    "40 steps of a channel": on("rising", model=PLAIN, layer="conv3", filter_indices=9, max_iter=40),
    "a dead unit": on("silent", model=units, layer="last", filter_indices=2, max_iter=80),
    "a dead unit, pixels": on("silent", model=units, layer="last", filter_indices=2, preset="keras-vis", max_iter=80),
    "an overflow": on("not finite", model=exploding, filter_indices=0, **WEAK, learning_rate=40),
    "a loss that is nan at once": on("not finite", model=PLAIN, objective=Wrong(-1e9)),
    "a loss that is nan later": on("not finite", model=PLAIN, objective=Wrong(3.0)),
    "a weight that is nan": on("not finite", model=broken, filter_indices=3),
    "a softmax of keras.ops": on("softmax", model=ending_in_ops, filter_indices=1),
    "a softmax of a subclassed model": on("softmax", model=subclassed, filter_indices=1),
    "a softmax as it is": on("softmax", model=trained, filter_indices=1, class_loss="activation"),
    "a sigmoid as it is": on(
        "softmax", "silent", model=labelled, filter_indices=1, class_loss="activation", max_iter=80
    ),
    "values of 0 to 1": on("input range", "not reached", model=trained, filter_indices=1, input_range=(0, 1)),
    "a model of keras.applications": on(
        "preprocessing", model=lambda: mobile("mobilenet_0.25_32"), filter_indices=1, max_iter=64
    ),
    "two terms of which one is forgotten": on("outweighed", model=PLAIN, objective=TWO),
    "a gradient without its sign": on("lost", "bounces", model=PLAIN, filter_indices=3, grad_modifier="absolute"),
    "nothing against noise": on("noise", "saturated", model=PLAIN, filter_indices=3, **WEAK, max_iter=200),
    "far beyond all digits": on(
        "beyond",
        model=PLAIN,
        filter_indices=3,
        references=lambda: Known(np.linspace(-15, 20, 50)),
        **WEAK,
        max_iter=200,
    ),
    "classes by guessing": on(
        "chance", model=PLAIN, filter_indices=3, references=lambda: Known(np.array([0.0, 60.0]), 0.11, 0.1)
    ),
    "noise for a photograph": on("noise", model=photos, filter_indices=130, **WEAK, max_iter=40),
    "weights for another network, photographs": on(
        "outweighed", model=photos, filter_indices=130, preset="keras-vis", max_iter=40
    ),
    "phase on digits": on("bounces", model=digits, filter_indices=4, preset="phase"),
    "noise that excites nothing at first": on(
        "rescued", model=digits, layer="conv3", filter_indices=9, position=(3, 3)
    ),
    "no weight for the target": on(
        "grey", model=digits, filter_indices=3, preset="keras-vis", act_max_weight=0, max_iter=200
    ),
    "no gradient": on("no gradient", model=rounded, filter_indices=1),
}

SOUND = {
    **{
        f"{name} digits, {number}": on(model=model, filter_indices=number)
        for name, model, number in (
            ("stretched", digits, 3),
            ("stretched", digits, 0),
            ("plain", PLAIN, 3),
            ("plain", PLAIN, 8),
            ("adversarial", ADVERSARIAL, 1),
            ("adversarial", ADVERSARIAL, 5),
        )
    },
    "keras-vis, 3": on(model=digits, filter_indices=3, preset="keras-vis"),
    "keras-vis, 7": on(model=digits, filter_indices=7, preset="keras-vis"),
    "keras-vis, jitter": on(model=digits, filter_indices=2, preset="keras-vis", jitter=0.05),
    "quick": on(model=ADVERSARIAL, filter_indices=4, preset="quick"),
    "fourier": on(model=digits, filter_indices=4, preset="fourier"),
    "a channel": on(model=PLAIN, layer="conv3", filter_indices=9),
    "a channel of the first layer": on(model=PLAIN, layer="conv1", filter_indices=4),
    "a place": on("rescued", model=digits, layer="conv2", filter_indices=4, position=(7, 7)),
    "fourier, adversarial": on(model=ADVERSARIAL, filter_indices=4, preset="fourier"),
    "apples": on(model=apples, layer="evidence", filter_indices=0),
    "no apples": on(model=apples, layer="evidence", filter_indices=0, act_max_weight=-1),
    "lying stripes": on(model=trained, filter_indices=0),
    "standing stripes": on(model=trained, filter_indices=1),
    "a disc": on(model=trained, filter_indices=2),
    "a live unit": on(model=units, layer="last", filter_indices=1),
    "an untrained MobileNet's channel": on(model=mobile, layer="relu1", filter_indices=3),
    "an untrained MobileNet's class": on(model=mobile, filter_indices=2),
    "an objective": on(
        model=digits,
        objective=losses.ActivationMaximization("out", 3)
        - 0.5 * losses.ActivationMaximization("out", 8)
        + 2 * regularizers.TotalVariation(),
    ),
    **{
        f"real pictures of {number}, at a temperature of {temperature}": on(
            model=digits,
            objective=functools.partial(by_real_ones, number, temperature),
        )
        for number, temperature in ((3, 1.0), (3, 5.0), (5, 1.0))
    },
    "a starting picture": on(model=PLAIN, filter_indices=3, seed_input=np.full((28, 28, 1), 90, "float32")),
    "terms that cancel": on(
        model=PLAIN,
        objective=losses.ActivationMaximization("out", 3, name="A")
        - 0.5 * losses.ActivationMaximization("out", 3, name="B"),
    ),
    "a photograph's class": on(model=photos, filter_indices=130, preset="quick"),
}

ALIKE = {
    *["a total variation of 1e6", "tv of 300 on stripes", "weights for another network, photographs"],
    *["keras-vis with a rate of 300", "keras-vis with a rate of 1e-4", "40 steps of a channel", "a dead unit, pixels"],
    *["a loss that is nan at once", "a softmax of a subclassed model", "noise for a photograph"],
    *["stretched digits, 0", "plain digits, 8", "adversarial digits, 5", "keras-vis, 3", "keras-vis, 7", "fourier"],
    *["a channel of the first layer", "lying stripes", "standing stripes", "an untrained MobileNet's channel"],
    *["real pictures of 3, at a temperature of 1.0", "real pictures of 5, at a temperature of 1.0"],
}
"""Runs for `make soak`: another one has the same symptom, or is sound in the same way."""


def main() -> None:
    """Print what the doctor says of each: ``python -m tests.doctor_runs``."""
    for kind, table in (("wrong", WRONG), ("sound", SOUND)):
        for name, made in table.items():
            notes = run_of(made).notes
            found = {one.name for one in notes}
            is_right = bool(found & {*made.names}) if kind == "wrong" else found <= {*made.names}
            print(f"{'' if is_right else 'NOT RIGHT: '}{kind} | {name} | {', '.join(one.name for one in notes)}")
            for one in notes:
                print(f"    {one.name}: {one.text} {one.remedy or ''} [{one.button}]")


if __name__ == "__main__":
    main()
