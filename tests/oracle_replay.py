"""Replay recorded keras-vis runs with actmax_widget: what ``test_oracle.py`` is made of.

``tests/oracle`` (written by ``tools/copy_oracle.py``) holds 111 runs of keras-vis (git 90ae5565, TensorFlow 1.15.5):
arguments, seed, losses of each iteration, gradients at two of them, the picture. All names are keras-vis's.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

import actmax_widget as am
from actmax_widget import backprop_modifiers
from actmax_widget.callbacks import OptimizerCallback
from actmax_widget.engine.objective import Evaluation, Objective
from actmax_widget.input_modifiers import InputModifier, Jitter
from actmax_widget.losses import ActivationMaximization, Loss
from actmax_widget.regularizers import LPNorm, TotalVariation

ORACLE = Path(__file__).parent / "oracle"


# --- deliberate departures --------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Departure:
    """Where actmax_widget does something else than keras-vis, on purpose.

    Attributes:
        name: short name.
        sentence: what it does instead.
        cases: the recorded runs that come out differently; the others must come out the same.
    """

    name: str
    sentence: str
    cases: tuple[str, ...] = ()


_DEPARTURES = (
    Departure(
        "backprop",
        "A guided or rectified gate passes what raises the activation; keras-vis's passed what lowers it.",
        (
            "backprop_guided_mnist_dense",
            "backprop_rectified_mnist_dense",
            "backprop_relu_mnist_dense",
            "backprop_deconv_mnist_dense",
            "backprop_guided_rgb_conv_noreg",
            "backprop_guided_rgb_dense_noreg",
            "backprop_guided_mix",
            "backprop_rectified_rgb_conv_noreg",
            "backprop_rectified_rgb_dense_noreg",
            "backprop_rectified_mix",
        ),
    ),
    Departure(
        "relu_like",
        "Gates act on all that is like a ReLU (relu6, LeakyReLU, PReLU too); keras-vis's on TensorFlow's Relu only.",
        ("backprop_guided_mix", "backprop_rectified_mix"),
    ),
    Departure(
        "lpinf", "LPNorm with p=inf is the largest absolute value, not the largest value.", ("losses_lpinf_signed",)
    ),
    Departure(
        "jitter",
        "Jitter is a true roll; keras-vis's shift had a period one too short, so each lost a row and doubled another.",
        (
            "jitter_005_rgb",
            "jitter_int3_rgb",
            "jitter_025_mnist",
            "jitter_default_mnist_natural",
            "jitter_int1_noseed",
            "jitter_nonsquare",
            "jitter_1d",
            "wrt_conv_jitter",
        ),
    ),
    Departure(
        "transform_jitter",
        "The jitter of the widget and of visualize() is a transform, which never stays in the picture; keras-vis's, "
        "which does, is the functions' input_modifiers.Jitter.",
    ),
    Departure("degenerate_seed", "A zero or flat seed gives a picture, not NaN.", ("seed_zeros_nan",)),
    Departure(
        "range_0_1",
        "An input_range of (0, 1) gives a float picture; keras-vis's bytes were 0 nearly everywhere.",
        ("range_0_1_seeded", "range_0_1_noseed"),
    ),
    Departure("none_weight", "None as a weight switches a term off; keras-vis raised a ValueError."),
    Departure(
        "callers_lists", "The caller's lists stay as they are; keras-vis appended to callbacks with verbose=True."
    ),
    Departure(
        "jitter_sequence", "Jitter takes one number for each dimension; keras-vis said so and raised a TypeError."
    ),
    Departure("filter_sequences", "Tuples, ranges and arrays of filters work; keras-vis took lists only."),
    Departure(
        "loss_shape",
        "build_loss() of the losses gives a number for each picture, (batch,); keras-vis's gave one for all.",
    ),
)
DEPARTURES = {departure.name: departure for departure in _DEPARTURES}
"""All of them by name. The documentation's table says the same."""


def departs(case: Case, name: str) -> bool:
    """Whether a recorded run comes under the departure of this name."""
    return case.id in DEPARTURES[name].cases


# --- the recording ----------------------------------------------------------------------------------------------------


@functools.cache
def _recording() -> dict[str, dict[str, Any]]:
    text = (ORACLE / "oracle.json").read_text(encoding="utf-8")
    return {kind: {entry["id"]: entry for entry in entries} for kind, entries in json.loads(text).items()}


@functools.cache
def _flat() -> dict[str, np.ndarray]:
    with np.load(ORACLE / "oracle.npz") as planes:
        return {dtype: np.ascontiguousarray(planes[dtype].T).reshape(-1).view(dtype) for dtype in planes.files}


def _array(place: Sequence[Any]) -> np.ndarray:
    dtype, offset, shape = place
    return _flat()[dtype][offset : offset + math.prod(shape)].reshape(shape).copy()


class Case:
    """A recorded run: what keras-vis was asked, as attributes, and what came out, as arrays."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self._spec = spec
        self._places = spec["arrays"]

    def __getattr__(self, name: str) -> Any:
        try:
            return self._spec[name]
        except KeyError:
            raise AttributeError(name) from None

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def __getitem__(self, name: str) -> np.ndarray:
        return _array(self._places[name])

    @property
    def input_range(self) -> tuple[float, float]:
        """As it was passed: ints and floats are not the same."""
        return tuple(self.kwargs.get("input_range", (0, 255)))

    @property
    def seed_used(self) -> np.ndarray:
        """The first input before any modifier: float32 with a batch axis."""
        seed = self["seed"].astype(np.float32)
        return seed[None] if seed.ndim == len(_recording()["models"][self.model]["input_shape"]) else seed

    @property
    def overall_loss(self) -> np.ndarray:
        """Total loss of each iteration."""
        return self["overall_loss"] if "overall_loss" in self else self["named_losses"][:, 0]

    @property
    def captured(self) -> list[tuple[int, np.ndarray | None, np.ndarray]]:
        """Iterations whose gradients are kept: (number, input of the network, gradient as the callback got it)."""
        grads = self["grads_0"] if "grads_0" in self else normalized(self["raw_grad_0"])
        rows = [(0, self._input_of(0, "wrt_0"), grads)]
        if self.n_iter > 1:
            rows.append((self.n_iter - 1, self._input_of(self.n_iter - 1, "wrt_last"), self["grads_last"]))
        return rows

    def _input_of(self, iteration: int, wrt: str) -> np.ndarray:
        if self.wrt_is_input and wrt in self:
            return self[wrt]
        image = self.seed_used  # by an inner tensor the input is never changed but by its modifiers
        for modifier in input_modifiers(self):
            for _ in range(iteration + 1):
                image = modifier.pre(image)
        return image

    @property
    def wrt_is_input(self) -> bool:
        """Whether the gradient was taken by the input."""
        return self.kwargs.get("wrt_tensor") in {None, "__input__"}


def all_cases() -> list[Case]:
    """All recorded runs."""
    return [Case(spec) for spec in _recording()["cases"].values()]


def case_of(name: str) -> Case:
    """The recorded run of this name."""
    return Case(_recording()["cases"][name])


def model_ids() -> list[str]:
    """Names of the recorded models."""
    return list(_recording()["models"])


@functools.cache
def model_of(name: str) -> keras.Model:
    """A recorded model, built anew with its weights."""
    spec = _recording()["models"][name]
    made = [_layer(entry) for entry in spec["layers"] if entry["type"] != "InputLayer"]
    inputs = keras.Input(spec["input_shape"])
    if spec["kind"] == "sequential":
        model = keras.Sequential([inputs, *made])
    else:
        model = keras.Model(inputs, functools.reduce(lambda tensor, layer: layer(tensor), made, inputs))
    entries = [entry for entry in spec["layers"] if entry["type"] != "InputLayer"]
    for layer, entry in zip(made, entries, strict=True):
        layer.set_weights([_array(place) for place in entry["weights"]])
    return model


def check_pair(name: str) -> tuple[np.ndarray, np.ndarray]:
    """A batch for a recorded model and what the old model put out for it."""
    spec = _recording()["models"][name]
    return _array(spec["check_input"]), _array(spec["check_output"])


def _layer(entry: dict[str, Any]) -> keras.Layer:
    options = {key: value for key, value in entry.items() if key not in {"type", "weights"}}
    return getattr(keras.layers, entry["type"])(**options)


# --- custom parts the recorded runs used ------------------------------------------------------------------------------


class DiffLoss(Loss):
    """Minus the difference of two units of a layer."""

    name = "Diff Loss"

    def __init__(self, layer: Any, a: int, b: int) -> None:
        self.layer, self.a, self.b = layer, a, b

    def build_loss(self) -> Any:
        output = self.layer.output
        return -ops.mean(output[..., self.a] - output[..., self.b])


class TargetLoss(Loss):
    """Mean squared distance of a layer's output from a target. It has no name."""

    def __init__(self, layer: Any, target: np.ndarray) -> None:
        self.layer, self.target = layer, target

    def build_loss(self) -> Any:
        return ops.mean(ops.square(self.layer.output - self.target))


class LargestValue(Loss):
    """keras-vis's LPNorm(p=inf): the largest value, whatever its sign."""

    name = "L-inf Norm Loss"

    def __init__(self, img_input: Any) -> None:
        self.img = img_input

    def build_loss(self) -> Any:
        return ops.max(self.img) / math.prod(self.img.shape[1:])


class Leaky(keras.layers.Layer):
    """LeakyReLU as a layer that no gate knows."""

    def __init__(self, negative_slope: float) -> None:
        super().__init__()
        self.negative_slope = negative_slope

    def call(self, inputs: Any) -> Any:
        return ops.maximum(inputs, self.negative_slope * inputs)


class RecordedJitter(InputModifier):
    """keras-vis's jitter with recorded offsets.

    It called ``scipy.ndimage.shift(mode="wrap", order=0)``, which takes a side of n as if it had a period of n - 1.
    """

    def __init__(self, offsets: np.ndarray) -> None:
        self._offsets = iter(offsets)

    def pre(self, inp: np.ndarray) -> np.ndarray:
        for axis, offset in enumerate(next(self._offsets), start=1):
            wanted = np.arange(inp.shape[axis]) - offset
            inside = (wanted >= 0) & (wanted < inp.shape[axis])
            inp = np.take(inp, np.where(inside, wanted, wanted % (inp.shape[axis] - 1)), axis)
        return inp


class Pre(InputModifier):
    """A function of the input before each step."""

    def __init__(self, function: Callable[[np.ndarray], np.ndarray]) -> None:
        self._function = function

    def pre(self, inp: np.ndarray) -> np.ndarray:
        return self._function(inp)


class Post(InputModifier):
    """A function of the input after each step."""

    def __init__(self, function: Callable[[np.ndarray], np.ndarray]) -> None:
        self._function = function

    def post(self, inp: np.ndarray) -> np.ndarray:
        return self._function(inp)


class Sees(InputModifier):
    """Notes the input after each step. First in the list, so that its ``post`` comes last."""

    def __init__(self) -> None:
        self.inputs: list[np.ndarray] = []

    def post(self, inp: np.ndarray) -> np.ndarray:
        self.inputs.append(inp.copy())
        return inp


class Records(OptimizerCallback):
    """Notes what a callback is given."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.names: list[str] = []
        self.named: list[list[float]] = []
        self.overall: list[float] = []
        self.grads: list[np.ndarray] = []
        self.wrt: list[np.ndarray] = []

    def callback(self, i, named_losses, overall_loss, grads, wrt_value) -> None:
        self.numbers.append(i)
        self.names = [name for name, _ in named_losses]
        self.named.append([value for _, value in named_losses])
        self.overall.append(overall_loss)
        self.grads.append(grads)
        self.wrt.append(wrt_value)


GRAD_FUNCTIONS = {
    "sign_sqrt": lambda g: np.sign(g) * np.sqrt(np.abs(g)),
    "clip_001": lambda g: np.clip(g, -0.01, 0.01),
}
GRAD_MODIFIERS = {
    None: lambda g: g,
    "negate": lambda g: -g,
    "absolute": np.abs,
    "invert": lambda g: 1.0 / (g + np.float32(1e-7)),
    "relu": lambda g: np.maximum(g, 0),
    "small_values": lambda g: np.abs(1.0 / (g + np.float32(1e-7))),
}
"""What the package's modifiers must do, in NumPy."""
RECIPROCALS = {"invert", "small_values"}
"""Those whose result depends most on the gradient's smallest values, so on float noise: reciprocals are compared."""
NOISIER = {"dense_softmax_noreg": 1.0}
"""What ``best_input`` may differ by besides: this softmax is at 1 - 1e-7, where its gradient is rounding. Ours differs
by 0.35; without oneDNN (TF_ENABLE_ONEDNN_OPTS=0) by 0.0003."""


def normalized(grads: np.ndarray) -> np.ndarray:
    """A gradient divided by its L2 norm over the whole array."""
    return grads / np.sqrt(max(np.sum(np.square(grads, dtype=np.float64)), 1e-12)).astype(np.float32)


def modified(case: Case, grads: np.ndarray) -> np.ndarray:
    """A raw gradient as keras-vis's callbacks got it: normalised, then through the gradient modifier."""
    chosen = case.kwargs.get("grad_modifier")
    function = GRAD_FUNCTIONS[chosen["callable"]] if isinstance(chosen, dict) else GRAD_MODIFIERS[chosen]
    return function(normalized(grads))


def input_modifiers(case: Case) -> list[InputModifier]:
    """The recorded run's input modifiers, new ones."""
    made = {
        "ScalePre": lambda e: Pre(lambda x: (x * np.float32(e["factor"])).astype(x.dtype)),
        "AddPre": lambda e: Pre(lambda x: x + np.float32(e["value"])),
        "ScalePost": lambda e: Post(lambda x: (x * np.float32(e["factor"])).astype(x.dtype)),
        "ClipPost": lambda e: Post(lambda x: np.clip(x, e["min"], e["max"])),
        "Jitter": lambda e: _jitter(case, e),
    }
    return [made[entry["type"]](entry) for entry in case.input_modifiers]


def _jitter(case: Case, entry: dict[str, Any]) -> InputModifier:
    if departs(case, "jitter"):
        return RecordedJitter(case["jitter_offsets"])
    return Jitter(*([entry["jitter"]] if "jitter" in entry else []))


# --- the replay -------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Call:
    """What keras-vis was asked, in actmax_widget's terms: ``function(*args, **kwargs)`` is the recorded run.

    Attributes:
        function: ``visualize_activation`` or ``visualize_activation_with_losses``.
        args: model and layer, or input and losses.
        kwargs: the recorded keywords; no seed, no callbacks, no input modifiers.
        losses: pairs of the losses and their weights, those of ``visualize_activation`` too, without those of weight 0.
        wrt_tensor: symbolic tensor the gradient is taken by.
    """

    function: Callable[..., np.ndarray]
    args: tuple[Any, Any]
    kwargs: dict[str, Any]
    losses: list[tuple[Loss, float]]
    wrt_tensor: Any


def call_of(case: Case, *, as_recorded: bool = False, losses: Any = None, **changes: Any) -> Call:
    """The call that gives the recorded numbers: where a departure stands in the way, the one that goes around it.

    Args:
        case: a recorded run.
        as_recorded: keras-vis's own call even so.
        losses: in place of the recorded ones.
        **changes: keywords that are not as they were recorded.
    """
    model = model_of(case.model)
    kwargs = {**case.kwargs, "input_range": case.input_range, **changes}
    if isinstance(kwargs.get("grad_modifier"), dict):
        kwargs["grad_modifier"] = GRAD_FUNCTIONS[kwargs["grad_modifier"]["callable"]]
    wrt = kwargs.pop("wrt_tensor", None)
    wrt = model.inputs[0] if wrt == "__input__" else wrt and model.get_layer(wrt).output
    if wrt is not None:
        kwargs["wrt_tensor"] = wrt
    if case.losses is not None:
        losses = losses or [(loss_of(case, entry, as_recorded=as_recorded), entry["weight"]) for entry in case.losses]
        used = [(loss, weight) for loss, weight in losses if weight]
        return Call(am.visualize_activation_with_losses, (model.inputs[0], losses), kwargs, used, wrt)
    layer_idx = case.layer_idx
    if departs(case, "backprop") and not as_recorded:
        # A gate passes what raises the activation. To pass what lowers it, as was recorded, lower the activation's
        # negative: the loss is the same.
        model, layer_idx = _negated(case), -1
        kwargs["act_max_weight"] = -kwargs.get("act_max_weight", 1)
    return Call(am.visualize_activation, (model, layer_idx), kwargs, _default_losses(model, layer_idx, kwargs), wrt)


def _negated(case: Case) -> keras.Model:
    """The model up to the target layer, its output turned negative, its LeakyReLUs out of the gates' sight."""
    model = model_of(case.model)
    tensor = model.inputs[0]
    for layer in model.layers[: case.layer_idx + 1 or None]:
        tensor = Leaky(layer.negative_slope)(tensor) if isinstance(layer, keras.layers.LeakyReLU) else layer(tensor)
    return keras.Model(model.inputs, keras.layers.Rescaling(-1.0)(tensor))


def _default_losses(model: keras.Model, layer_idx: int, kwargs: dict[str, Any]) -> list[tuple[Loss, float]]:
    losses = [
        (
            ActivationMaximization(model.layers[layer_idx], kwargs.get("filter_indices")),
            kwargs.get("act_max_weight", 1),
        ),
        (LPNorm(model.inputs[0]), kwargs.get("lp_norm_weight", 10)),
        (TotalVariation(model.inputs[0]), kwargs.get("tv_weight", 10)),
    ]
    return [(loss, weight) for loss, weight in losses if weight]


def loss_of(case: Case, entry: dict[str, Any], *, as_recorded: bool = False) -> Loss:
    """A recorded entry of ``losses``; see :func:`call_of`."""
    model, kind = model_of(case.model), entry["type"]
    layer = model.get_layer(entry["layer_name"]) if "layer_name" in entry else None
    if kind == "ActivationMaximization":
        return ActivationMaximization(layer, entry["filter_indices"])
    if kind == "DiffLoss":
        return DiffLoss(layer, entry["a"], entry["b"])
    if kind == "TargetLoss":
        return TargetLoss(layer, case[entry["target_array"]])
    if kind == "TotalVariation":
        return TotalVariation(model.inputs[0], **{key: entry[key] for key in ("beta",) if key in entry})
    if departs(case, "lpinf") and not as_recorded:
        return LargestValue(model.inputs[0])
    power = {"p": float(entry["p"]) if entry["p"] == "inf" else entry["p"]} if "p" in entry else {}
    return LPNorm(model.inputs[0], **power)


def evaluate(case: Case, inputs: Sequence[np.ndarray]) -> tuple[tuple[str, ...], list[Evaluation]]:
    """Names of the losses; losses and raw gradients at recorded inputs (teacher forcing), as arrays."""
    call = call_of(case)
    input_tensor = call.args[0] if case.losses else call.args[0].inputs[0]
    gate = backprop_modifiers.get(case.kwargs.get("backprop_modifier"))
    objective = Objective(input_tensor, call.losses, call.wrt_tensor, gate=gate)
    pictures = len(inputs[0])
    compute = objective.jointly if pictures > 1 else objective.__call__
    compute = tf.function(compute, autograph=False) if gate else compute
    weights = tf.constant(objective.weights())
    knobs = [tf.constant(knob.repeat(pictures, axis=0)) for knob in objective.knobs()]
    rows = [compute(tf.constant(image), weights, knobs) for image in inputs]
    found = [Evaluation(*(tensor.numpy() for tensor in row)) for row in rows]
    return objective.names, [one._replace(losses=one.losses[0]) for one in found]


@dataclasses.dataclass(frozen=True)
class Run:
    """A whole run.

    Attributes:
        image: what the function returned.
        records: what the callback was given.
        inputs: the input after each step.
    """

    image: np.ndarray
    records: Records
    inputs: list[np.ndarray]

    @property
    def best_input(self) -> np.ndarray:
        """The input after the step with the lowest total loss, without batch axis."""
        return self.inputs[int(np.argmin(self.records.overall))][0]


def replay(case: Case, *, modifiers: Sequence[InputModifier] | None = None, **changes: Any) -> Run:
    """Make the recorded run with the public function.

    Args:
        case: a recorded run.
        modifiers: in place of the recorded input modifiers.
        **changes: keywords that are not as they were recorded.
    """
    changes.setdefault("seed_input", case["seed"] if case.seed_given else None)
    call, records, sees = call_of(case, **changes), Records(), Sees()
    if case.numpy_random_seed is not None:
        np.random.seed(case.numpy_random_seed)
    image = call.function(
        *call.args,
        **call.kwargs,
        callbacks=[records],
        input_modifiers=[sees, *(input_modifiers(case) if modifiers is None else modifiers)],
    )
    return Run(image, records, sees.inputs)


def keras_vis_picture(image: np.ndarray, input_range: tuple[float, float]) -> np.ndarray:
    """keras-vis's ``deprocess_input``: mean to mid-range, standard deviation to a tenth of the range, clipped."""
    scaled = (image - image.mean()) / (image.std() + 1e-7) * 0.1 + 0.5
    low, high = input_range
    return (high - low) * np.clip(scaled, 0, 1) + low
