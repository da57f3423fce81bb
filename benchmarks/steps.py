"""Steps per second, against the peers, the bare step, and ourselves."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from actmax_widget import visualize_activation, visualize_layer
from actmax_widget.engine import cache
from actmax_widget.live.run import Run
from actmax_widget.network import Network
from actmax_widget.settings import Settings
from benchmarks import contenders
from benchmarks.networks import CASES, Case, mobilenet
from benchmarks.record import Row, row

FASTER_THAN_TF_KERAS_VIS = {"digits": 40, "squeezenet": 5, "mobilenet": 7.5, "vgg": 2}
FASTER_THAN_XPLIQUE = {"digits": 6, "squeezenet": 1.1, "mobilenet": 1.1, "vgg": 0.95}
OVER_BARE = {"digits": 0.7, "squeezenet": 1.05, "mobilenet": 1.05, "vgg": 1.05}
OVER_BARE_COMPILATION = 1.3
COMPOSED_OVER_BARE = 1.45


def interleaved(runs: Mapping[str, Callable[[], Any]], repeats: int) -> dict[str, list[float]]:
    """Seconds of each run, one after the other in turn, so that a slow moment of the machine meets all."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            begin = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - begin)
    return seconds


def steps(case_name: str, *, quick: bool) -> list[Row]:
    """Seconds per step of everybody, on one network."""
    case = CASES[case_name]
    model = case.make()
    makers = {
        "ours": (contenders.ours, 1),
        "one": (contenders.one_step_a_call, 1),
        "bare": (contenders.bare, 1),
        "xplique": (contenders.xplique, 4 if case_name == "digits" else 1),
        "tf-keras-vis": (contenders.tf_keras_vis, 8 if case_name == "digits" else 6),  # slow, so fewer steps do
    }
    runs, counts = {}, {}
    for name, (make, fewer) in makers.items():
        runs[name] = make(model, case.layer, case.index)
        counts[name] = max(2, case.steps // fewer)
        runs[name](max(2, counts[name] // 4))  # compiles and warms up
    calls = {name: (lambda name=name: runs[name](counts[name])) for name in runs}
    seconds = interleaved(calls, 3 if quick else 15)
    each = {name: [total / counts[name] for total in totals] for name, totals in seconds.items()}

    def over(first: str, second: str) -> list[float]:
        return [a / b for a, b in zip(each[first], each[second], strict=True)]

    name = f"steps/s, {case.name}, {case.layer}"
    compared = row(
        name,
        "tf-keras-vis",
        over("tf-keras-vis", "ours"),
        least=FASTER_THAN_TF_KERAS_VIS[case_name],
        seconds_per_step=each,
    )
    return [
        compared,
        row(name, "xplique", over("xplique", "ours"), least=FASTER_THAN_XPLIQUE[case_name]),
        row(name, "ours, one step a call", over("one", "ours")),
        row(f"step time, {case.name}", "the bare compiled step", over("ours", "bare"), most=OVER_BARE[case_name]),
    ]


def composed(case_name: str, *, quick: bool) -> list[Row]:
    """A step made of parts, over the bare step."""
    case = CASES[case_name]
    model = case.make()
    runs = {"bare": contenders.bare(model, case.layer, case.index)}
    names = {"RingSpectrum": "ringspectrum", "Fourier": "fourier"}
    for name, parametrization in names.items():
        runs[name] = contenders.composed(model, case.layer, case.index, parametrization)
    count = 8
    for run in runs.values():
        run(2)  # compiles and warms up
    calls = {name: (lambda name=name: runs[name](count)) for name in runs}
    seconds = interleaved(calls, 3 if quick else 40)
    each = {name: [total / count for total in totals] for name, totals in seconds.items()}
    return [
        row(
            f"step time, {case.name}, {name}, zoom, rotation, shift, noise, Adam",
            "the bare compiled step",
            [a / b for a, b in zip(each[name], each["bare"], strict=True)],
            most=COMPOSED_OVER_BARE,
            seconds_per_step=each,
        )
        for name in names
    ]


def recipe(*, quick: bool) -> list[Row]:
    """What a step of ``"natural"`` takes beside the network, on one thread: of a network that takes nothing."""
    inputs = keras.Input((227, 227, 3))
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D(name="means")(inputs))
    runs = {"natural": contenders.natural(model, "means", 0), "bare": contenders.bare(model, "means", 0)}
    count = 32
    for run in runs.values():
        run(2)  # compiles and warms up
    calls = {name: (lambda name=name: runs[name](count)) for name in runs}
    seconds = interleaved(calls, 3 if quick else 30)
    values = [1e3 * (a - b) / count for a, b in zip(seconds["natural"], seconds["bare"], strict=True)]
    return [row("a step of natural beside the network, 227 px, one thread", "", values, most=6.5, unit="ms")]


def second_picture(*, quick: bool) -> list[Row]:
    """Another filter of the same layer: xplique traces again."""
    from xplique.features_visualizations import optimize  # noqa: PLC0415 - a peer

    model, count = mobilenet(), 8 if quick else 64
    filters = iter(range(1000))

    def ours() -> None:
        visualize_activation(model, "predictions", next(filters), max_iter=count)

    def theirs() -> None:
        objective = contenders.xplique_objective(model, "predictions", next(filters))
        optimize(objective, nb_steps=count, use_fft=False, transformations=None, custom_shape=None)

    ours()
    theirs()
    seconds = interleaved({"ours": ours, "xplique": theirs}, 1 if quick else 5)
    ratios = [a / b for a, b in zip(seconds["xplique"], seconds["ours"], strict=True)]
    return [row(f"a second picture, MobileNetV2, {count} steps", "xplique", ratios, least=1.5, seconds=seconds)]


def first_picture(case_name: str, *, quick: bool) -> list[Row]:
    """From Run pressed to the first picture, with nothing compiled before, and once more."""
    case = CASES[case_name]
    ratios, seconds = [], []
    for _ in range(1 if quick else 5):
        ours, second_run = _first_step_of_ours(case)
        theirs = _first_step_of_bare(case)
        ratios.append(ours / theirs)
        seconds.append({"ours": ours, "second run": second_run, "bare": theirs})
    name = f"Run to first picture, {case.name}"
    again = [entry["second run"] / entry["bare"] for entry in seconds]
    return [
        row(name, "compiling the bare step", ratios, most=OVER_BARE_COMPILATION, seconds=seconds),
        row(f"{name}, second run", "compiling the bare step", again),
    ]


def _first_step_of_ours(case: Case) -> tuple[float, float]:
    model = case.make()
    run = Run(Network(model), Settings(layer=case.layer, filter_indices=(case.index,)))
    begin = time.perf_counter()
    run.step()
    run.wait()
    first = time.perf_counter() - begin
    second = Run(Network(model), Settings(layer=case.layer, filter_indices=(case.index,)))
    begin = time.perf_counter()
    second.step()
    second.wait()
    return first, time.perf_counter() - begin


def _first_step_of_bare(case: Case) -> float:
    model = case.make()
    picture = tf.random.normal((1, *model.inputs[0].shape[1:]))
    begin = time.perf_counter()
    step = contenders.bare_step(contenders.truncated(model, case.layer), case.index)
    step(picture)[1].numpy()
    return time.perf_counter() - begin


def batches(case_name: str, *, quick: bool) -> list[Row]:
    """64 filters in batches, against 64 runs; and against 64 runs that each compile."""
    model, layer, count, least = {
        "digits": (CASES["digits"].make(), "conv3", 20 if quick else 200, 10),
        "mobilenet": (mobilenet(), "predictions", 2 if quick else 8, 1.3),
    }[case_name]
    filters = range(64)

    def alone(*, compiling: bool = False) -> None:
        for index in filters:
            if compiling:
                vars(model).pop("_actmax_kept", None)
            visualize_activation(model, layer, index, max_iter=count, clip=True)

    runs: dict[str, Callable[[], Any]] = {
        "batch": lambda: visualize_layer(model, layer, filters, max_iter=count, clip=True, progress=False),
        "alone": alone,
    }
    runs["batch"]()  # compiles
    visualize_activation(model, layer, 0, max_iter=2)
    seconds = interleaved(runs, 1 if quick else 3)
    ratios = [a / b for a, b in zip(seconds["alone"], seconds["batch"], strict=True)]
    found = [
        row(
            f"64 filters as batches, {CASES[case_name].name}, {count} steps",
            "64 runs",
            ratios,
            least=least,
            seconds=seconds,
        )
    ]
    if case_name == "digits":
        compiling = interleaved({"compiling": lambda: alone(compiling=True)}, 1)["compiling"]
        ratios = [compiling[0] / batch for batch in seconds["batch"]]
        found.append(row(f"64 filters as batches, digits, {count} steps", "64 runs that each compile", ratios))
    return found


def traces(*, quick: bool) -> list[Row]:
    """How often something is compiled again that need not be."""
    del quick
    model = CASES["digits"].make()
    network = Network(model)

    def run(**settings: Any) -> None:
        run = Run(network, dataclasses.replace(Settings(layer="conv3", max_iter=2), **settings))
        run.start()
        run.wait()

    def made() -> int:
        return sum(step.traces for step in cache._kept_with(model).steps.values())  # noqa: SLF001 - nobody else needs it

    run()
    visualize_layer(model, "conv3", [0, 1, 2], max_iter=2, progress=False, input_modifiers=[])
    before = made()
    changes: dict[str, Callable[[], Any]] = {
        "another weight": lambda: run(tv_weight=3.0),
        "another rate": lambda: run(learning_rate=0.1),
        "jitter": lambda: run(jitter=2.0),
        "another filter": lambda: run(filter_indices=(5, 6)),
        "another number of filters": lambda: visualize_layer(model, "conv3", range(7), max_iter=2, progress=False),
        "a second run": run,
        "a second widget": lambda: run(seed=4),
    }
    found = {}
    for name, change in changes.items():
        change()
        found[name] = made() - before
        before = made()
    return [
        row("traces after " + ", ".join(found), "", [float(sum(found.values()))], most=0, unit="traces", found=found)
    ]
