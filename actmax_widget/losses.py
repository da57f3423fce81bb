"""Losses: what the optimization minimises.

A loss is a class with a ``name`` and a ``build_loss()`` that returns its *symbolic* value, written with
:mod:`keras.ops` from ``layer.output`` and the model's input, as in keras-vis (2017, ``vis.losses``): a number for each
picture of a batch, of shape (batch,), or one number, and then pictures are made one by one. Many weighted losses are
stacked into one graph by :class:`actmax_widget.engine.Objective`, so all of them are computed in one forward pass.

Everything that is weighed is a loss and is minimised, so an activation enters as its negative. Losses add up, and none
of them changes by that::

    objective = losses.ActivationMaximization("conv3", 5) + 0.5 * losses.Direction("conv4", vector) - other

A loss may be made with the name or index of a layer, and finds it in a network by :meth:`Loss.on`; made with a layer,
it is checked at once.

A number that shall change while the optimization runs, without compiling again, is declared in the class
(:func:`~actmax_widget.parameters.number`) and read as ``self.margin`` in ``build_loss()``. Arrays that may change are
*knobs*: ``knobs()`` names them with their present values and ``build_loss`` takes them as keywords.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, Self

import keras
import numpy as np
from keras import Layer, ops

from actmax_widget.checks import check_flag, check_integer, check_number, check_range, invalid, listify
from actmax_widget.network import Network, Target, graph, layout, respond, starting
from actmax_widget.network.dataset import References
from actmax_widget.parameters import number
from actmax_widget.parts import Part, declared, live

FLOOR = 0.1
"""The least cosine that :class:`Direction` counts with, as in lucid: below it nothing would pull."""
TINY = 1e-12
"""The least that a root is taken of, as its slope at 0 is infinite."""
LOWEST = -1e30
"""A logit that does not count."""


class _Terms:
    """Sums, differences and multiples of what :func:`summed` takes."""

    __slots__ = ()
    __array_ufunc__ = None  # a NumPy number leaves the product to us

    def __add__(self, other: Any) -> Sum:
        return Sum([*summed(self), *summed(other)])

    def __radd__(self, other: Any) -> Sum:
        # sum() begins with 0.
        return summed(self) if isinstance(other, int) and other == 0 else Sum([*summed(other), *summed(self)])

    def __sub__(self, other: Any) -> Sum:
        return self + -summed(other)

    def __rsub__(self, other: Any) -> Sum:
        return Sum([*summed(other), *-self])

    def __mul__(self, weight: Any) -> Sum:
        factor = check_number("weight", weight, advice="Multiply a loss with a number, e.g. 0.5 * loss.")
        return Sum([(loss, factor * own) for loss, own in summed(self)])

    __rmul__ = __mul__

    def __truediv__(self, weight: Any) -> Sum:
        factor = check_number("weight", weight, advice="Divide a loss by a number, e.g. loss / 2.")
        if not factor:
            raise invalid("weight", "a number that is not 0", weight, "Divide a loss by a number, e.g. loss / 2.")
        return Sum([(loss, own / factor) for loss, own in summed(self)])

    def __neg__(self) -> Sum:
        return -1 * self


class Loss(_Terms, Part):
    """Base class of losses.

    Attributes:
        name: shown in the loss table and given to callbacks; its weight and its numbers are addressed by it.
        together: whether it compares the pictures of a batch with each other, so that they must be evaluated in one.

    Example:
        >>> class Difference(Loss):
        ...     name = "Difference"
        ...     margin = number(1.0, bottom=0, top=10, help="How far apart they get. Lower it for milder pictures.")
        ...     def __init__(self, layer, a, b):
        ...         self.layer, self.a, self.b = layer, a, b
        ...     def build_loss(self):
        ...         output = self.layer.output
        ...         return ops.maximum(self.margin - ops.mean(output[..., self.a] - output[..., self.b]), 0)
        >>> objective = Difference("conv3", 0, 4) + 0.5 * ActivationMaximization("conv3", 5)
    """

    name = "Unnamed Loss"
    together: bool = False

    def on(self, network: Network) -> Self:
        """A copy whose ``layer``, or whose ``layers``, are targets of the network where they were names or indices.

        Raises:
            ValueError: there is no such layer.
        """
        found: dict[str, Any] = {}
        layer, layers = getattr(self, "layer", None), getattr(self, "layers", None)
        if _is_named(layer):
            found["layer"] = network.find(layer, f"{self.name}: layer")
        if isinstance(layers, list | tuple) and any(map(_is_named, layers)):
            found["layers"] = type(layers)(
                network.find(one, f"{self.name}: layers") if _is_named(one) else one for one in layers
            )
        return self.bound(found) if found else self

    def knobs(self) -> dict[str, np.ndarray]:
        """What may change during a run: name -> float32 array of a fixed shape, each picture with one of its own.

        By default the numbers that the class declares. ``build_loss`` gets what is added here as keywords, symbolic,
        with a batch axis in front.
        """
        return {name: np.asarray(one.check(getattr(self, name)), np.float32) for name, one in live(self).items()}

    def built(self, knobs: Mapping[str, Any]) -> Any:
        """What ``build_loss`` returns for symbolic values of :meth:`knobs`, (batch, ...).

        Declared numbers become attributes of a copy, of shape (batch,); the others are given as keywords. Where the
        loss is one number for the whole batch, as keras-vis has it, its declared numbers are of shape ().
        """
        numbers = {name: knobs[name] for name in live(self) if name in knobs}
        others = {name: value for name, value in knobs.items() if name not in numbers}
        # A number for each picture times one for all would look like one for each, though it mixes pictures.
        if numbers and getattr(self.build_loss(**others), "shape", None) == ():
            numbers = {name: ops.mean(value) for name, value in numbers.items()}
        return self.bound(numbers).build_loss(**others)

    def signature(self) -> Hashable | None:
        """What shapes the loss's graph, knobs excepted: losses with the same signature can share a compiled step.

        None, unless a loss says otherwise, is not to be shared.
        """
        return None

    def told_apart(self) -> str:
        """What tells it from others of its kind, in a few words: ``"conv3 5"``; empty if nothing does."""
        layers = [getattr(self, "layer", None), *listify(getattr(self, "layers", None))]
        return ", ".join(_name_of(layer) for layer in layers if layer is not None)

    def joint(self, values: Any) -> Any:
        """The loss of pictures that are optimized as one (keras-vis's way with a starting batch), from each one's."""
        return ops.mean(values)

    def build_loss(self) -> Any:
        """Return the loss (a KerasTensor): a scalar, or, of shape (batch,), a number for each picture."""
        message = f"{type(self).__name__}.build_loss() is missing: return a scalar written with keras.ops."
        raise NotImplementedError(message)


class Sum(_Terms, tuple[tuple[Loss, float], ...]):
    """Weighted losses: a tuple of pairs (loss, weight), as keras-vis takes them, that adds up with others.

    It is made by arithmetic on losses, and never changes; terms that are equal stay apart.

    Raises:
        TypeError: not pairs of a loss and a number.
        ValueError: a weight that is not finite.

    Example:
        >>> objective = 2 * ActivationMaximization("conv3", 5) - ActivationMaximization("conv3", 7)
        >>> objective.names
        ('ActivationMax Loss conv3 5', 'ActivationMax Loss conv3 7')
    """

    __slots__ = ()

    def __new__(cls, pairs: Iterable[Any] = ()) -> Self:
        """Check the pairs."""
        return super().__new__(cls, map(_checked_pair, pairs))

    def __repr__(self) -> str:
        terms = [f"{'-' if weight < 0 else '+'} {_factor(weight)}{loss.name}" for loss, weight in self]
        return f"Sum({' '.join(terms).removeprefix('+ ')})"

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each term, no two alike: where their own are, what they look at is added.

        Raises:
            ValueError: two terms that nothing tells apart.
        """
        own = [type(loss).__name__ if loss.name == Loss.name else loss.name for loss, _ in self]
        counts = Counter(own)
        names = tuple(
            f"{name} {loss.told_apart()}".rstrip() if counts[name] > 1 and "name" not in vars(loss) else name
            for name, (loss, _) in zip(own, self, strict=True)
        )
        doubles = [name for name, count in Counter(names).items() if count > 1]
        if doubles:
            advice = 'It is a part given twice under one name. Give one of them another: loss.named("...").'
            raise invalid("objective", "terms of different names", doubles[0], advice)
        return names

    def on(self, network: Network) -> Sum:
        """The same of losses whose layers are found; see :meth:`Loss.on`."""
        return Sum((loss.on(network), weight) for loss, weight in self)


def summed(value: Any) -> Sum:
    """The weighted losses that something stands for.

    Args:
        value: a loss, a sum of losses, or a list or tuple of pairs of a loss and its weight, as keras-vis has it. A
            weight of ``None`` is 0.

    Raises:
        TypeError: something else.
        ValueError: no losses at all, or a weight that is not finite.
    """
    if isinstance(value, Sum):
        return value
    if isinstance(value, Loss):
        return Sum([(value, 1.0)])
    advice = 'Pass e.g. losses.ActivationMaximization("conv3", 5) + 10 * regularizers.TotalVariation().'
    if not isinstance(value, list | tuple):
        expected = "a loss, a sum of losses, or a list of pairs of a loss and its weight"
        raise invalid("objective", expected, value, advice, TypeError)
    if not value:
        raise invalid("objective", "at least one loss", value, advice)
    return Sum(value)


def _checked_pair(entry: Any) -> tuple[Loss, float]:
    if not isinstance(entry, tuple | list) or len(entry) != 2 or not isinstance(entry[0], Loss):
        advice = "Write e.g. [(ActivationMaximization(layer, 3), 1)], or add losses: a + 0.5 * b."
        raise invalid("objective", "pairs of a loss and its weight", entry, advice, TypeError)
    loss, weight = entry
    advice = "Give each loss a number as weight, or 0 to switch it off."
    return loss, 0.0 if weight is None else check_number("weight", weight, advice=advice)


def checked_name(name: Any, default: str = "") -> str:
    """Return a name that a loss is given, or ``default`` for None, or raise."""
    if name is None:
        return default
    if not isinstance(name, str) or not name:
        raise invalid("name", "what the loss shall be called", name, 'Pass e.g. name="Eyes".', TypeError)
    return name


def _factor(weight: float) -> str:
    return "" if abs(weight) == 1 else f"{abs(weight):g} * "


def _is_named(layer: Any) -> bool:
    """Whether a layer is yet to be found, by its name, path or index."""
    return isinstance(layer, str | int | np.integer) and not isinstance(layer, bool)


def _name_of(layer: Any) -> str:
    """What a layer is called."""
    return f"layer {layer}" if isinstance(layer, int | np.integer) else str(getattr(layer, "name", layer))


# --- losses of a layer's answers -------------------------------------------------------------------------------------


class _OfLayer(Loss):
    """A loss of what a layer puts out.

    Args:
        layer: its name, path or index, and :meth:`Loss.on` finds it; or a Keras layer, or a
            :class:`~actmax_widget.network.Target`, and the other arguments are checked at once.
        name: of the loss; None: that of its class.
    """

    filters: int | None = None

    def __init__(self, layer: Any, name: str | None = None) -> None:
        self.layer = layer
        if name is not None:
            self.name = checked_name(name)

    def on(self, network: Network) -> Self:
        """See :meth:`Loss.on`; what depends on the layer is checked now.

        Raises:
            ValueError, TypeError: no such layer, or arguments that do not fit it.
        """
        one = super().on(network)
        one._settle()  # noqa: SLF001 - it is of this class
        return one

    def _settle(self) -> None:
        """Check what depends on the layer, if that is found."""
        if self.filters is None and not _is_named(self.layer):
            known = isinstance(self.layer, Target)
            self.filters = self.layer.filters if known else graph.get_num_filters(self.layer)

    def _chosen(self, filters: Any, argument: str) -> tuple[int | None, ...]:
        """Checked filters; as long as the layer is not found, only that they are integers."""
        if self.filters is not None:
            return graph.check_filter_indices(filters, self.filters, _name_of(self.layer), name=argument)
        if not listify(filters):
            raise invalid(argument, "at least one filter", filters, f"Pass e.g. {argument}=3.")
        advice = f"Pass e.g. {argument}=3."
        chosen = listify(filters)
        return tuple(
            one if one is None else check_integer(argument, one, least=-(2**31), advice=advice) for one in chosen
        )

    def _output(self) -> tuple[Any, int]:
        """The layer's symbolic output, float32, and the axis of its filters."""
        if _is_named(self.layer):
            advice = "Find it in a network first: loss.on(Network(model))."
            raise invalid("layer", "a layer of a model", self.layer, advice)
        output = graph.output_of(self.layer)
        # A target knows; what a layer calls its axis is another thing.
        known = None if isinstance(self.layer, Layer) else getattr(self.layer, "axis", None)
        return ops.cast(output, "float32"), layout.channel_axis(output) if known is None else known

    def _sides(self) -> tuple[int | None, ...]:
        """The sizes of the layer's map, without batch and filters."""
        if isinstance(self.layer, Target):
            shape, axis = (None, *self.layer.shape), self.layer.axis
        else:
            output = graph.output_of(self.layer)
            shape, axis = tuple(output.shape), layout.channel_axis(output)
        return tuple(size for place, size in enumerate(shape) if place not in {0, axis})

    def plain(self, knobs: Mapping[str, Any], head: Target | None = None, after: str = "") -> Any:
        """What its filters answer with, whatever the loss makes of it: symbolic, see :class:`Plain`.

        Args:
            knobs: symbolic values of :meth:`knobs`, a ``selection`` among them.
            head: where these are units after a softmax or sigmoid, those before it; None: they are as they are.
            after: see :class:`Plain`.
        """
        output, axis = self._output() if head is None else (ops.cast(head.output, "float32"), head.axis)
        return Plain(axis, after)(output, {name: knobs[name] for name in ("selection", "position") if name in knobs})

    def _each(self, formula: Callable[..., Any], **values: Any) -> Any:
        """A formula of the layer's answer, (batch, ..., filters) float32, and of further values: (batch,)."""
        output, axis = self._output()
        return _Each(formula, axis)(
            output,
            {
                name: value if isinstance(value, keras.KerasTensor) else ops.convert_to_tensor(value, "float32")
                for name, value in values.items()
            },
        )

    def signature(self) -> Hashable | None:
        """See :meth:`Loss.signature`; nobody knows what a subclass depends on."""
        return (type(self), _name_of(self.layer), self.filters) if type(self).__module__ == __name__ else None


class Plain(keras.Layer):  # type: ignore[misc]
    """What a layer answers with, as it is: the activation of chosen units, and of a head's also their probability.

    The activation is the mean of the units, over the places of the layer's map or at one place. The probability is what
    comes out after a head's softmax or sigmoid: of several classes the sum, as one of them is right; of several labels
    the mean, as each is right or not.

    Args:
        axis: of the layer's filters.
        after: "softmax" or "sigmoid", which comes after the units; empty: they are no head's, and have no probability.
    """

    def __init__(self, axis: int, after: str = "") -> None:
        super().__init__(dtype="float32")
        self._axis, self._after = axis, after
        self.built = True

    def call(self, answer: Any, values: Mapping[str, Any]) -> Any:
        """(batch, 1), or (batch, 2): of an answer, ``selection``, (batch, filters), and maybe a ``position``."""
        selection = values["selection"]
        number = ops.sum(selection, axis=-1)
        if "position" in values:
            return (-_at_place(ops.moveaxis(answer, self._axis, -1), **values) / number)[:, None]
        inner = [place for place in range(1, len(answer.shape)) if place != self._axis]
        units = ops.mean(answer, axis=inner) if inner else answer
        activation = _counted(units, selection) / number
        if not self._after:
            return activation[:, None]
        if self._after == "sigmoid":
            return ops.stack([activation, _counted(ops.sigmoid(units), selection) / number], axis=-1)
        # A class that is named twice is as probable as once.
        probability = ops.sum(ops.where(ops.equal(selection, 0), 0.0, ops.softmax(units)), axis=-1)
        return ops.stack([activation, probability], axis=-1)

    def compute_output_spec(self, answer: Any, values: Mapping[str, Any]) -> Any:
        """See :meth:`call`."""
        del values
        return keras.KerasTensor([answer.shape[0], 2 if self._after else 1], "float32")


class _Each(keras.Layer):  # type: ignore[misc]
    """A formula as one operation of the symbolic graph, which so sees the true sizes of what it is given.

    Args:
        formula: of a layer's answer, its filters last, and further values by name; gives (batch,).
        axis: of the filters.
    """

    def __init__(self, formula: Callable[..., Any], axis: int) -> None:
        super().__init__(dtype="float32")
        self._formula, self._axis = formula, axis
        self.built = True

    def call(self, answer: Any, values: Mapping[str, Any]) -> Any:
        return self._formula(ops.moveaxis(answer, self._axis, -1), **values)

    def compute_output_spec(self, answer: Any, values: Mapping[str, Any]) -> Any:
        del values
        return keras.KerasTensor([answer.shape[0]], "float32")


def _means(answer: Any) -> Any:
    """The mean of each filter over all positions, (batch, filters)."""
    inner = list(range(1, len(answer.shape) - 1))
    return ops.mean(answer, axis=inner) if inner else answer


def _positions(answer: Any) -> Any:
    """All positions in a row: (batch, positions, filters)."""
    return ops.reshape(answer, (ops.shape(answer)[0], -1, answer.shape[-1]))


def _counted(units: Any, selection: Any) -> Any:
    """The sum of units, each as often as it is selected: (batch,).

    A filter that is not selected must not count even if it is infinite: 0 * inf would be NaN.
    """
    return ops.sum(ops.where(ops.equal(selection, 0), 0.0, units) * selection, axis=-1)


class ActivationMaximization(_OfLayer):
    """Minus the mean activation of filters or units: minimising it maximises the activation.

    ``-sum over chosen filters of (mean over positions of activation)``

    Args:
        layer: a layer's name, path or index, which :meth:`Loss.on` finds; a Keras layer, or a
            :class:`~actmax_widget.network.Target`. Its own ``data_format``, or that of layers before it, tells which
            axis holds its filters or units.
        filter_indices: an int or a sequence of ints; their activations are summed, and an index given twice counts
            twice. Negative indices count from the end. ``None`` stands for the mean over all filters.
        filters: how many filters the layer has, where that is known; else it is read off ``layer.output``.
        name: of the loss.

    Raises:
        ValueError: an index that is out of range.
        TypeError: an index that is not an integer.

    Example:
        >>> objective = ActivationMaximization("conv3", 5) + ActivationMaximization("block_3/conv", [1, 2], name="Two")

    Source: Erhan et al., *Visualizing higher-layer features of a deep network*, 2009; keras-vis ``vis.losses``, 2017.
    """

    name = "ActivationMax Loss"

    def __init__(self, layer: Any, filter_indices: Any, filters: int | None = None, *, name: str | None = None) -> None:
        super().__init__(layer, name)
        self.filters = filters
        self.filter_indices = filter_indices
        self._settle()

    def _settle(self) -> None:
        super()._settle()
        self.filter_indices = self._chosen(self.filter_indices, "filter_indices")

    def told_apart(self) -> str:
        """See :meth:`Loss.told_apart`."""
        filters = ", ".join(str(index) for index in self.filter_indices if index is not None)
        return f"{super().told_apart()} {filters}".rstrip()

    def knobs(self) -> dict[str, np.ndarray]:
        """``selection``, (filters,): how often each filter counts. Other filters are other values, not a new graph."""
        return {"selection": selection(self.filter_indices, self._known_filters()), **super().knobs()}

    def _known_filters(self) -> int:
        if self.filters is None:
            self._output()  # says what is missing
        return self.filters or 0

    def build_loss(self, selection: Any = None) -> Any:
        """Return each picture's loss, (batch,), for ``selection``, (batch, filters) or (filters,)."""
        output, axis = self._output()
        if selection is None:
            selection = ops.convert_to_tensor(self.knobs()["selection"])
        means = ops.mean(output, axis=[place for place in range(len(output.shape)) if place not in {0, axis}])
        return -_counted(means, selection)


class Neuron(ActivationMaximization):
    """Minus the activation of one unit: a filter of a convolution at one place, or a unit at one time step.

    ``-activation[row, column, filter]``. Filter and position are knobs: others compile nothing.

    Args:
        layer: see :class:`ActivationMaximization`.
        filter: an int; negative counts from the end.
        position: (row, column) in the layer's map, a time step, or one index for each axis of the map; negative counts
            from the end. ``None`` is the middle, ``size // 2``, also of a map whose size is not known, and of a Dense
            layer, which has no positions, its unit.
        name: of the loss.

    Raises:
        ValueError: a filter or position that there is not, or a position in a map of unknown size.
        TypeError: no integers.

    Example:
        >>> objective = Neuron("conv3", 5) + Neuron("conv3", 5, position=(0, 0))

    Source: Olah et al., *Feature visualization*, 2017 (lucid ``objectives.neuron``).
    """

    name = "Neuron"

    def __init__(self, layer: Any, filter: Any, position: Any = None, *, name: str | None = None) -> None:  # noqa: A002
        self.position = position
        super().__init__(layer, filter, name=name)

    def _chosen(self, filters: Any, argument: str) -> tuple[int | None, ...]:
        del argument
        given = listify(filters)
        if len(given) != 1 or given[0] is None:
            raise invalid(
                "filter", "an integer", filters, "Add a Neuron for each: Neuron(...) + Neuron(...).", TypeError
            )
        return super()._chosen(filters, "filter")

    def _settle(self) -> None:
        super()._settle()
        if self.position is None:
            return
        if _is_named(self.layer):
            advice = "Pass e.g. position=(3, 4), or None for the middle."
            for one in listify(self.position):
                check_integer("position", one, least=-(2**31), advice=advice)
            return
        self.position = self._checked_position(self._sides())

    def _checked_position(self, sides: tuple[int | None, ...]) -> tuple[int, ...]:
        name, position = _name_of(self.layer), self.position
        if not sides:
            advice = f"Layer {name!r} has one number for each unit and no positions: leave it out."
            raise invalid("position", "None", position, advice)
        given = listify(position)
        map_of = " × ".join("?" if side is None else str(side) for side in sides)
        advice = f"Layer {name!r} has a map of {map_of}. None is its middle."
        if len(given) != len(sides):
            expected = "an integer" if len(sides) == 1 else f"{len(sides)} integers, one for each axis of the map"
            raise invalid("position", expected, position, advice)
        if None in sides:
            raise invalid("position", "None, as the size of the map is not known", position, advice)
        ends = [side or 0 for side in sides]
        return tuple(
            graph.from_end(check_integer("position", one, least=-side, most=side - 1, advice=advice), side)
            for one, side in zip(given, ends, strict=True)
        )

    def told_apart(self) -> str:
        """See :meth:`Loss.told_apart`."""
        place = "" if self.position is None else f" at {', '.join(map(str, listify(self.position)))}"
        return super().told_apart() + place

    def knobs(self) -> dict[str, np.ndarray]:
        """``selection``, (filters,), and ``position``, (axes of the map,), -1 for the middle; none without a map."""
        axes = len(self._sides()) if self._known_filters() else 0
        place = np.full(axes, -1, np.float32) if self.position is None else np.array(self.position, np.float32)
        return super().knobs() | ({"position": place} if axes else {})

    def build_loss(self, selection: Any = None, position: Any = None) -> Any:
        """Return each picture's loss, (batch,), for its ``selection`` and ``position``."""
        own = self.knobs()
        values = {"selection": selection, "position": position}
        given = {name: own[name][None] if value is None else value for name, value in values.items() if name in own}
        return self._each(_at_place, **given)


def _at_place(answer: Any, selection: Any, position: Any = None) -> Any:
    """Minus the selected filters at one place."""
    if position is None:
        return -_counted(answer, selection)
    batch, *sides = ops.shape(answer)[:-1]
    index, places = ops.arange(batch, dtype="int32"), ops.cast(position, "int32")
    for axis, side in enumerate(sides):
        place = places[:, axis]
        # Also at another size of input than the layer was made for.
        index = index * side + ops.where(place < 0, side // 2, ops.minimum(place, side - 1))
    units = ops.take(ops.reshape(answer, (-1, answer.shape[-1])), index, axis=0)
    return -_counted(units, selection)


class Direction(_OfLayer):
    """Minus how far the answer goes in a direction of a layer's space: a mixture of its filters, a concept's vector.

    ``-mean over positions of (h . v) * max(0.1, cos(h, v)) ** cosine_power``, h the answer of all filters at one. The
    power asks for answers in this direction and no other; it is a live number, and the vector a knob.

    Args:
        layer: see :class:`ActivationMaximization`.
        vector: (filters,), finite, not all 0. Its length is a weight.
        cosine_power: >= 0. 0 is the dot product alone; with 2 to 4 other directions count against it.
        name: of the loss.

    Raises:
        ValueError: a vector of another length than the layer's filters, not finite, or all 0.
        TypeError: no numbers.

    Example:
        >>> apples, pears = responses[labels == 0].mean(0), responses[labels == 1].mean(0)
        >>> objective = Direction("conv4", apples - pears, cosine_power=2)

    Source: Carter et al., *Activation atlas*, 2019; the floor of .1 is lucid's (``objectives.direction``).
    """

    name = "Direction"
    cosine_power: float = number(
        0.0,
        least=0,
        top=8,
        scale="linear",
        label="Cosine power",
        help="How much the angle counts beside the length. Raise it when the picture shows other things, too.",
    )

    def __init__(self, layer: Any, vector: Any, cosine_power: float = 0.0, *, name: str | None = None) -> None:
        super().__init__(layer, name)
        self.vector = vector
        self.cosine_power = declared(self)["cosine_power"].check(cosine_power)
        self._settle()

    def _settle(self) -> None:
        super()._settle()
        count = "one number for each filter of the layer" if self.filters is None else f"{self.filters} numbers"
        advice = f"Layer {_name_of(self.layer)!r}: pass an array with a number for each of its filters."
        try:
            vector = np.asarray(self.vector, np.float32)
        except (TypeError, ValueError):
            raise invalid("vector", count, self.vector, advice, TypeError) from None
        if vector.ndim != 1 or self.filters not in {None, len(vector)}:
            raise invalid("vector", count, vector.shape, advice)
        if not np.isfinite(vector).all():
            raise invalid("vector", "finite numbers", "NaN or infinity", advice)
        if not vector.any():
            raise invalid("vector", "a direction", "zeros", "With zeros alone nothing depends on the picture.")
        self.vector = vector

    def knobs(self) -> dict[str, np.ndarray]:
        """``vector``, (filters,), and the number."""
        return {"vector": self.vector, **super().knobs()}

    def build_loss(self, vector: Any = None) -> Any:
        """Return each picture's loss, (batch,), for ``vector``, (batch, filters)."""
        given = self.vector[None] if vector is None else vector
        return self._each(_along, vector=given, power=ops.reshape(self.cosine_power, (-1,)))


def _along(answer: Any, vector: Any, power: Any) -> Any:
    """Minus the mean over positions of dot product times cosine to a power."""
    answer, vector = _positions(answer), vector[:, None]
    # As with a selection: a filter that does not count must not, even if it is infinite.
    dot = ops.sum(ops.where(ops.equal(vector, 0), 0.0, answer) * vector, axis=-1)
    finite = ops.where(ops.isfinite(answer), answer, 0.0)
    lengths = ops.sum(finite * finite, axis=-1) * ops.sum(vector * vector, axis=-1)
    # Where nothing is active the root has no slope.
    cosine = dot / ops.sqrt(ops.maximum(lengths, TINY))
    return -ops.mean(dot * ops.maximum(cosine, FLOOR) ** power[:, None], axis=-1)


class LogOdds(_OfLayer):
    """Minus how far classes are ahead of all others: a logit against the softened largest of the others.

    ``-(mean of z[classes] - T * log(sum over others of exp(z / T)))``, z the layer's logits (their mean over positions,
    where it has a map), T the temperature. Unlike the softmax it does not saturate, and unlike the logit alone it does
    not raise the others, too. Give it the layer of the logits, not that of the softmax.

    Args:
        layer: see :class:`ActivationMaximization`.
        classes: an int or a sequence of ints, fewer than there are; negative indices count from the end.
        temperature: > 0, in logits. 1 counts the others as a softmax does, above it all of them alike.
        name: of the loss.
        standardized: T is ``temperature`` times the standard deviation of z over all classes, at the picture that is
            seen; it counts as a constant in the gradient. Then a network whose logits are a thousand times as large
            gives the same picture. Default False: T is in logits.

    Raises:
        ValueError: a class that there is not, all of them, or a layer with a single unit.
        TypeError: no integers, or ``standardized`` that is not True or False.

    Example:
        >>> objective = LogOdds("predictions", 130)
        >>> objective = LogOdds(-1, [207, 208], temperature=1, name="Retrievers")
        >>> objective = LogOdds("out", 3, temperature=1, standardized=True)

    Source: Simonyan et al., *Deep inside convolutional networks*, 2014, maximise the logit for its own sake; the
    softened margin is this project's, as measured for its recipe (2026).
    """

    name = "Log odds"
    temperature: float = number(
        5.0,
        above=0,
        bottom=0.1,
        top=50,
        label="Temperature",
        help="How many of the other classes count. Raise it to hold all of them down, lower it for the nearest alone.",
    )

    def __init__(
        self,
        layer: Any,
        classes: Any,
        temperature: float = 5.0,
        *,
        name: str | None = None,
        standardized: bool = False,
    ) -> None:
        super().__init__(layer, name)
        self.classes, self.standardized = classes, check_flag("standardized", standardized)
        self.temperature = declared(self)["temperature"].check(temperature)
        self._settle()

    def _settle(self) -> None:
        super()._settle()
        self.classes = self._chosen(self.classes, "classes")
        if None in self.classes:
            raise invalid("classes", "integers", None, "Name the classes that shall be ahead of the others.", TypeError)
        if self.filters is not None and len(set(self.classes)) == self.filters:
            several = f"Layer {_name_of(self.layer)!r} has {self.filters}. Take ActivationMaximization."
            expected = "a layer with several units" if self.filters == 1 else "fewer classes than there are"
            raise invalid("layer" if self.filters == 1 else "classes", expected, self.classes, several)

    def told_apart(self) -> str:
        """See :meth:`Loss.told_apart`."""
        return f"{super().told_apart()} {', '.join(map(str, self.classes))}"

    def knobs(self) -> dict[str, np.ndarray]:
        """``selection``, (filters,): how often each class counts; and the number."""
        if self.filters is None:
            self._output()  # says what is missing
        return {"selection": selection(self.classes, self.filters or 0), **super().knobs()}

    def build_loss(self, selection: Any = None) -> Any:
        """Return each picture's loss, (batch,), for ``selection``, (batch, classes)."""
        given = self.knobs()["selection"][None] if selection is None else selection
        behind = _behind_in_deviations if self.standardized else _behind
        return self._each(behind, selection=given, temperature=ops.reshape(self.temperature, (-1,)))

    def signature(self) -> Hashable | None:
        """See :meth:`Loss.signature`."""
        own = super().signature()
        return own and (own, self.standardized)


def _behind(answer: Any, selection: Any, temperature: Any) -> Any:
    """How far the selected logits are behind the softened largest of the others."""
    logits, wanted = _means(answer), ops.not_equal(selection, 0)
    target = _counted(logits, selection) / ops.sum(selection, axis=-1)
    others = ops.logsumexp(ops.where(wanted, LOWEST, logits) / temperature[:, None], axis=-1)
    return temperature * others - target


def _behind_in_deviations(answer: Any, selection: Any, temperature: Any) -> Any:
    """The same at a temperature in standard deviations of the logits."""
    logits = _means(answer)
    known = ops.isfinite(logits)  # a class that is masked by an infinite logit is none
    fixed = ops.stop_gradient(ops.where(known, logits, 0.0))
    count = ops.maximum(ops.sum(ops.cast(known, "float32"), axis=-1, keepdims=True), 1.0)
    mean = ops.sum(fixed, axis=-1, keepdims=True) / count
    variance = ops.sum(ops.where(known, ops.square(fixed - mean), 0.0), axis=-1) / count[:, 0]
    # About the mean, logits that are all the same are 0, and may be divided by whatever is not.
    within = ops.maximum(temperature * ops.sqrt(variance), TINY)
    return _behind(logits - mean, selection, within)


class Similarity(_OfLayer):
    """How far a layer's answer is from its answer to a picture: minimised, the layer sees the same.

    ``mean over positions and filters of (h - h(picture)) ** 2``. The stored answer is a knob.

    Args:
        layer: see :class:`ActivationMaximization`.
        picture: an array of the network's own values, (height, width, channels), with or without batch axis; or a path
            or a Pillow image, which is fitted to the input.
        input_range: (low, high): black and white of a picture that is no array. Default (0, 255).
        name: of the loss.

    Attributes:
        answer: the stored answer, without batch axis; None until :meth:`on` has found it.

    Raises:
        ValueError: when a network is known, a picture that does not fit its input.

    Example:
        >>> objective = Similarity("conv4", "cat.jpg") + 10 * regularizers.TotalVariation()

    Source: Mahendran and Vedaldi, *Understanding deep image representations by inverting them*, 2015.
    """

    name = "Similarity"

    def __init__(self, layer: Any, picture: Any, input_range: Any = (0, 255), *, name: str | None = None) -> None:
        super().__init__(layer, name)
        if picture is None:
            raise invalid(
                "picture", "an array, a path or a Pillow image", picture, "Pass what shall be seen.", TypeError
            )
        self.picture, self.input_range = picture, check_range(input_range)
        self.answer: np.ndarray | None = None

    def on(self, network: Network) -> Self:
        """See :meth:`Loss.on`; the answer to the picture is computed now."""
        one = super().on(network)
        target = one.layer if isinstance(one.layer, Target) else network.find(one.layer)
        start = starting.start_of(network.input, self.picture, self.input_range, name="picture")
        picture = starting.starting_image(network.input, start.array, self.input_range, name="picture")
        one.answer = ops.convert_to_numpy(respond(network, target, picture))[0].astype(np.float32)
        return one

    def _stored(self) -> np.ndarray:
        if self.answer is None:
            advice = "Find it in a network first: loss.on(Network(model))."
            raise invalid("picture", "the layer's answer to it, which is not known yet", None, advice)
        return self.answer

    def knobs(self) -> dict[str, np.ndarray]:
        """``answer``: the stored one, as the layer puts it out."""
        return {"answer": self._stored(), **super().knobs()}

    def signature(self) -> Hashable | None:
        """See :meth:`Loss.signature`."""
        own = super().signature()
        return own and (own, self._stored().shape)

    def build_loss(self, answer: Any = None) -> Any:
        """Return each picture's loss, (batch,), for the ``answer`` to be near, (batch, ...)."""
        axis = self._output()[1]
        wanted = ops.convert_to_tensor(self._stored()[None]) if answer is None else answer
        return self._each(_distance, wanted=ops.moveaxis(wanted, axis, -1))


def _distance(answer: Any, wanted: Any) -> Any:
    """The mean squared distance."""
    return ops.mean(ops.square(answer - wanted), axis=list(range(1, len(answer.shape))))


class MatchFeatures(Loss):
    """How far what layers answer is distributed otherwise than for real pictures: minimised, it has their features.

    For each layer the answers of each filter, sorted over the places of its map, are set beside the references', which
    are sorted alike and then averaged over them: ``mean((sort(h) - s) ** 2) / mean(s ** 2)``, and the mean over
    layers. Where things are does not count, only how much of each feature there is. One reference has 0. The division
    makes layers of other scales and networks count alike; the source has it not, and weights each layer by hand. The
    sorted answers are knobs. Sorting takes time: with five layers of SqueezeNet a step takes about twice as long.

    Args:
        references: real pictures, of a class some of it: an array, a folder, a ``tf.data`` or Keras dataset, see
            :class:`~actmax_widget.References`. 50 of them are what the source takes.
        layers: names, paths or indices of layers with a map, best from the first to the last; see
            :class:`ActivationMaximization`.
        weights: a number >= 0 for each layer; None: all alike.
        input_range: (low, high) of the network's values. Default (0, 255).
        name: of the loss.

    Attributes:
        answers: for each layer the sorted answers, (places, filters); None until :meth:`on` has found them.

    Raises:
        ValueError: no layers, another number of weights, or none above 0; when a network is known, references that
            cannot be read, or a layer whose map's size is not known.
        TypeError: not references, or weights that are no numbers.

    Example:
        >>> objective = LogOdds("logits", 130) + MatchFeatures("flamingos", ["conv1", "fire3_concat", "fire9_concat"])

    Source: Görgün, Schiele and Fischer, *VITAL: More understandable feature visualization through distribution
    alignment and relevant information flow*, 2025 (``sort_matching``, for class neurons).
    """

    name = "Match features"

    def __init__(
        self,
        references: Any,
        layers: Any,
        weights: Any = None,
        input_range: Any = (0, 255),
        *,
        name: str | None = None,
    ) -> None:
        if name is not None:
            self.name = checked_name(name)
        self.references = References.of(references)
        self.layers = listify(layers)
        if not self.layers or self.layers == [None]:
            raise invalid("layers", "at least one layer", layers, 'Pass e.g. ["conv1", "conv3"].')
        self.input_range = check_range(input_range)
        given = [1.0] * len(self.layers) if weights is None else listify(weights)
        checked = [check_number("weights", one, least=0, advice="Pass one number >= 0 a layer.") for one in given]
        if len(checked) != len(self.layers) or not any(checked):
            advice = "Pass a number >= 0 for each layer, not all of them 0."
            raise invalid("weights", f"{len(self.layers)} numbers, one for each layer", weights, advice)
        self.weights = tuple(checked)
        self.answers: tuple[np.ndarray, ...] | None = None

    def on(self, network: Network) -> Self:
        """See :meth:`Loss.on`; the answers to the references are computed now."""
        one = super().on(network)
        if one.answers is None:
            one = one.bound({})
            one.answers = tuple(self._sorted(network, layer) for layer in one.layers)
        return one

    def _sorted(self, network: Network, layer: Any) -> np.ndarray:
        target = layer if isinstance(layer, Target) else network.find(layer)
        if len(target.shape) < 2 or None in target.shape:
            raise invalid("layers", "layers with a map of known size", target.name, "Choose e.g. a convolution.")
        return self.references.sorted_answers(network, target, self.input_range)

    def _stored(self) -> tuple[np.ndarray, ...]:
        if self.answers is None:
            advice = "Find it in a network first: loss.on(Network(model))."
            raise invalid("references", "the layers' answers to them, which are not known yet", None, advice)
        return self.answers

    def knobs(self) -> dict[str, np.ndarray]:
        """``answers_0``, ``answers_1``, ...: the references' sorted answers of each layer, (places, filters)."""
        return {f"answers_{k}": one for k, one in enumerate(self._stored())} | super().knobs()

    def signature(self) -> Hashable | None:
        """See :meth:`Loss.signature`."""
        if type(self) is not MatchFeatures:
            return None
        return type(self), tuple(map(_name_of, self.layers)), self.weights, tuple(one.shape for one in self._stored())

    def build_loss(self, **answers: Any) -> Any:
        """Return each picture's loss, (batch,), for the sorted answers to be near, (batch, places, filters)."""
        total: Any = 0.0
        for k, (layer, weight) in enumerate(zip(self.layers, self.weights, strict=True)):
            own = _OfLayer(layer)
            own.filters = self._stored()[k].shape[-1]
            wanted = answers.get(f"answers_{k}", self._stored()[k][None])
            total = total + weight / sum(self.weights) * own._each(_otherwise, wanted=wanted)  # noqa: SLF001 - its base
        return total


def _otherwise(answer: Any, wanted: Any) -> Any:
    """The mean squared difference of sorted answers, as a share of the wanted ones' mean square."""
    # Sorted, each meets the one of its rank; the source looks that up, and has the same value and slope.
    found = ops.sort(_positions(answer), axis=1)
    scale = ops.maximum(ops.mean(ops.square(wanted), axis=(1, 2)), TINY)
    return ops.mean(ops.square(found - wanted), axis=(1, 2)) / scale


class Diversity(_OfLayer):
    """How much the pictures of a batch resemble each other in a layer: minimised, they become different.

    The mean of a picture's similarities with each other one: the cosine between their Gram matrices
    ``G = (sum over positions of h[:, i] h[:, j])``, which tell which filters are active together, wherever. 1: all
    alike; a picture that is alone has 0. Each picture of the batch needs the others, see :attr:`Loss.together`.

    Args:
        layer: see :class:`ActivationMaximization`.
        name: of the loss.

    Example:
        >>> objective = ActivationMaximization("conv4", 5) + 10 * Diversity("conv3")  # for several pictures at once

    Source: Olah et al., *Feature visualization*, 2017 (lucid ``objectives.diversity``, there the sum over the others,
    and maximised with a negative weight); the matrices are those of Gatys et al., *Texture synthesis*, 2015.
    """

    name = "Diversity"
    together = True

    def __init__(self, layer: Any, *, name: str | None = None) -> None:
        super().__init__(layer, name)
        self._settle()

    def build_loss(self) -> Any:
        """Return each picture's loss, (batch,)."""
        return self._each(_resemblance)


def _resemblance(answer: Any) -> Any:
    """The mean cosine between a picture's Gram matrix and each other one's."""
    answer = _positions(answer)
    # A picture that is not finite any more must not spoil the others.
    answer = ops.where(ops.all(ops.isfinite(answer), axis=(1, 2), keepdims=True), answer, 0.0)
    # Cosines are the same at any scale, but squares of squares are soon too large or too small.
    largest = ops.stop_gradient(ops.max(ops.abs(answer), axis=(1, 2), keepdims=True))
    answer = answer / ops.where(largest > 0, largest, 1.0)
    gram = ops.matmul(ops.swapaxes(answer, 1, 2), answer)
    gram = gram / ops.sqrt(ops.maximum(ops.sum(ops.square(gram), axis=(1, 2), keepdims=True), TINY))
    others = ops.sum(gram, axis=0, keepdims=True) - gram
    number_of_others = ops.maximum(ops.cast(ops.shape(answer)[0], "float32") - 1, 1.0)
    return ops.sum(gram * others, axis=(1, 2)) / number_of_others


def selection(filter_indices: tuple[int | None, ...], filters: int) -> np.ndarray:
    """How often each of ``filters`` filters counts: float32 of shape (filters,). ``None`` adds 1 / filters to each."""
    counts = np.zeros(filters, np.float32)
    for index in filter_indices:
        if index is None:
            counts += 1.0 / filters
        else:
            counts[index] += 1.0
    return counts
