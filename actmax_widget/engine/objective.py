"""Many weighted losses -> one evaluation: every term and the gradient in one forward and one backward pass."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from actmax_widget import backprop_modifiers
from actmax_widget.backprop_modifiers import Gate
from actmax_widget.checks import check_number, invalid
from actmax_widget.engine import diagnosis
from actmax_widget.engine.measuring import Measure, names_of
from actmax_widget.losses import ActivationMaximization, Loss
from actmax_widget.network import Target, graph, layout, nested
from actmax_widget.network.inputs import original_of
from actmax_widget.network.rebuilding import RebuildError, rebuilt
from actmax_widget.regularizers import Regularizer

LARGE = 2**14
"""Values of a picture from which on its regularizers take longer than to ask whether they have any weight."""


class Evaluation(NamedTuple):
    """What one evaluation gives: tensors.

    Attributes:
        losses: (batch, n + 1) float32: each loss of each picture times its weight, then their sum.
        grads: gradient of the sum by what the network was shown, or by ``wrt_tensor``, in the shape of ``wrt_value``.
        wrt_value: value of the tensor the gradient was taken by.
        slopes: where the picture is another than what the network was shown: gradient of the sum by the picture, which
            only regularizers look at; else zero, and without a shape.
        measured: (batch, measures) float32: what is measured beside, of what the network was shown.
    """

    losses: tf.Tensor
    grads: tf.Tensor
    wrt_value: tf.Tensor
    slopes: tf.Tensor
    measured: tf.Tensor


class Objective:
    """The weighted sum of losses as a function of the model's input.

    Every picture of a batch has losses, and knobs, of its own: pictures do not influence each other. Where a loss is
    one number whatever the batch, as keras-vis has it, the pictures are evaluated one by one.

    Args:
        input_tensor: the model's symbolic input, or one of ours in its place.
        losses: pairs of :class:`~actmax_widget.losses.Loss` and weight.
        wrt_tensor: symbolic tensor to take the gradient by; ``None`` is the input.
        held: pairs of the model's other symbolic inputs and their values, float32 with batch axis.
        gate: how the gradient passes ReLUs; ``None`` is as it is. With it the objective works in compiled calls only.
        transformed: the network is shown something else than the picture, so regularizers are computed apart.
        measures: what is measured beside the losses, in the same pass; see
            :func:`~actmax_widget.engine.measuring.measures_of`.

    Attributes:
        excites: (n,) bool, whether each loss looks at the network, so is no regularizer.
        measures: names of what is measured beside.

    Raises:
        ValueError: no losses, or a loss that cannot be computed from the input; when it is called first, losses of
            which no gradient reaches ``wrt_tensor``.
        TypeError: not pairs of a loss and a number, or not a symbolic tensor.
    """

    def __init__(
        self,
        input_tensor: Any,
        losses: Sequence[tuple[Loss, float]],
        wrt_tensor: Any = None,
        *,
        held: Sequence[tuple[Any, np.ndarray]] = (),
        gate: Gate | None = None,
        transformed: bool = False,
        measures: Sequence[Measure] = (),
    ) -> None:
        _check_wrt(wrt_tensor)
        self.input_tensor = input_tensor
        self.layout = layout.of_input(input_tensor)
        self._original = original_of(input_tensor)
        self._held, self._gate, self._one_by_one = list(held), gate, False
        self.losses = check_losses(losses)
        self.names = tuple(loss.name for loss, _ in self.losses)
        self.measures, self._measures = names_of(measures), tuple(measures)
        self.wrt_is_input = wrt_tensor is None or wrt_tensor in {input_tensor, self._original}
        self._wrt = input_tensor if self.wrt_is_input else wrt_tensor
        self.wrt_rank = len(self._wrt.shape)
        direct = [_is_direct(loss, {input_tensor, self._original}) for loss, _ in self.losses]
        self.excites = np.array([not isinstance(loss, Regularizer) for loss, _ in self.losses])
        # A regularizer of the input needs no graph, unless there is nothing else that would make one.
        self._direct = [] if all(direct) and not transformed else [k for k, found in enumerate(direct) if found]
        rest = [k for k in range(len(self.losses)) if k not in self._direct]
        self._of_picture = [k for k in rest if transformed and not self.excites[k]]
        self._in_graph = [k for k in rest if k not in self._of_picture]
        if not self._in_graph:
            raise invalid("objective", "a loss that looks at the network", list(self.names), "Add one of a layer.")
        sides = [side for side in input_tensor.shape[1:] if side is not None]
        self._is_large = math.prod(sides) >= LARGE
        self._graph = self._build(self._in_graph, self._wrt)
        self._picture_graph = self._build(self._of_picture, self._wrt) if self._of_picture else None

    def _build(self, of: Sequence[int], wrt_tensor: Any) -> keras.Model:
        """One model from the input and some losses' knobs to their terms, which leaves out every layer none needs."""
        with graph.borrowed(self._original) as users:
            losses: list[Any] = [self.losses[k][0] for k in of]
            knobs = [self._knob_inputs(loss) for loss in losses]
            inputs = [self.input_tensor, *(tensor for entry in knobs for tensor in entry.values())]
            inputs += [tensor for tensor, _ in self._held]
            known = {id(tensor) for tensor in inputs}
            places = {k: place for place, k in enumerate(of)}
            measures = [one for one in self._measures if one.term in places]
            for place in {places[one.term] for one in measures}:
                losses[place] = _with_one_output(losses[place])
            terms = [self._term(loss, values, known, users) for loss, values in zip(losses, knobs, strict=True)]
            # keras-vis's losses are numbers: whether one mixes pictures cannot be seen, so it never gets more than one.
            if one_by_one := any(len(term.shape) == 0 for term in terms):
                terms = [ops.reshape(term, (1,)) for term in terms]
                if together := [loss.name for loss in losses if loss.together]:
                    expected = f"losses of shape (batch,) beside {together[0]}, which compares pictures"
                    advice = "Take the mean over all axes but the first in your own losses."
                    raise invalid("losses", expected, list(self.names), advice)
            self._one_by_one |= one_by_one
            outputs = {"terms": ops.stack(terms, axis=-1)}
            if measures:
                found = []
                for one in measures:
                    loss, own = losses[places[one.term]], knobs[places[one.term]]
                    found.append(self._brought_up(loss.plain(own, one.head, one.after), loss, known, users))
                outputs["measured"] = ops.concatenate(found, axis=-1) if len(found) > 1 else found[0]
            if not self.wrt_is_input:
                outputs["wrt"] = wrt_tensor
            return graph.part(inputs, self._on_input(outputs), users)

    def _term(self, loss: Loss, knobs: dict[str, Any], known: set[int], users: set[Any]) -> Any:
        """A loss's symbolic value, from the model's input and the knobs alone."""
        term = ops.cast(self._built(loss, knobs), "float32")
        if not isinstance(term, keras.KerasTensor):
            expected = f"{type(loss).__name__}.build_loss() to depend on the network's input"
            advice = "Compute it from the output of a layer, or from the input, by keras.ops."
            raise invalid(loss.name, expected, "a constant", advice)
        if tuple(term.shape) not in {(), (1,), (None,), (self.input_tensor.shape[0],)}:
            expected = f"{type(loss).__name__}.build_loss() to return a number, or one for each picture, (batch,)"
            raise invalid("losses", expected, tuple(term.shape), "Take e.g. keras.ops.mean over the other axes.")
        return self._brought_up(term, loss, known, users)

    def _brought_up(self, value: Any, loss: Loss, known: set[int], users: set[Any]) -> Any:
        layer = getattr(getattr(loss, "layer", None), "name", loss.name)
        return nested.brought_up(value, known | {id(self._original)}, users, layer)

    def _built(self, loss: Loss, knobs: dict[str, Any]) -> Any:
        expected = f"{type(loss).__name__}.build_loss() to return a symbolic tensor"
        advice = "Use keras.ops, as in ops.mean(self.layer.output)."
        try:
            value = loss.built(knobs)
        except ValueError as error:
            if "NumPy array" not in str(error):
                raise
            raise invalid(loss.name, expected, "NumPy functions", advice, TypeError) from error
        if value is None:
            raise invalid(loss.name, expected, value, advice, TypeError)
        return value

    def _on_input(self, outputs: dict[str, Any]) -> dict[str, Any]:
        """What was built on the model's own input, on ours, where that is of another size."""
        if self._original is self.input_tensor:
            return outputs
        try:
            found = rebuilt([*outputs.values()], {id(self._original): self.input_tensor})
        except RebuildError as error:
            expected = f"layers that work on inputs of shape {tuple(self.input_tensor.shape[1:])}"
            raise invalid("losses", expected, list(self.names), f"{error} Leave input_shape out.") from error
        return dict(zip(outputs, found, strict=True))

    def _knob_inputs(self, loss: Loss) -> dict[str, Any]:
        return {name: keras.Input(value.shape) for name, value in loss.knobs().items()}

    @property
    def outputs(self) -> list[Any]:
        """The symbolic tensors it computes."""
        return list(self._graph.outputs)

    @property
    def layers(self) -> list[Any]:
        """The layers it computes by, those inside of others too."""
        return list(self._graph._flatten_layers(include_self=False))

    @property
    def may_pool(self) -> bool:
        """Whether it may take maxima over neighbours: a layer of Keras does, or there is one that is not Keras's."""
        kinds = [type(layer) for layer in self.layers]
        ours = ("keras.", "actmax_widget.")
        return any("MaxPool" in kind.__name__ or not kind.__module__.startswith(ours) for kind in kinds)

    def weights(self) -> np.ndarray:
        """The losses' weights for one picture: float32 (1, n)."""
        return np.array([[weight for _, weight in self.losses]], np.float32)

    def knobs(self) -> list[np.ndarray]:
        """The present values of all losses' knobs for one picture, (1, ...), in graph order."""
        return knobs_of([loss for loss, _ in self.losses])

    def __call__(
        self,
        inp: tf.Tensor,
        weights: tf.Tensor,
        knobs: Sequence[tf.Tensor],
        picture: tf.Tensor | None = None,
        views: int = 1,
    ) -> Evaluation:
        """Evaluate.

        Args:
            inp: what the network is shown, (batch * views, ..., channels) float32; views of one picture are adjacent.
            weights: (batch, n), or (1, n) for all.
            knobs: of the losses, (batch, ...) each.
            picture: where that is something else, (batch, ..., channels): what regularizers look at.
            views: how many of each picture; its losses are their mean.
        """
        mine = [knob for k, own in enumerate(self._knobs_by_loss(knobs)) for knob in own if k in self._in_graph]
        if views > 1:
            weights_of_views = tf.repeat(weights, views, axis=0) / views
            mine = [tf.repeat(knob, views, axis=0) for knob in mine]
        else:
            weights_of_views = weights
        gradient = self._gradient if self._gate is None else self._gated_gradient
        # One pass forward and one back for all terms that look at the network; most regularizers need neither.
        terms, wrt_value, grads, measured = self._mapped(gradient, inp, weights_of_views, mine)
        if views > 1:
            terms = tf.reduce_sum(tf.reshape(terms, [-1, views, terms.shape[-1]]), axis=1)
            if self.measures:
                measured = tf.reduce_mean(tf.reshape(measured, [-1, views, len(self.measures)]), axis=1)
        seen_alone = picture is None
        picture = inp if picture is None else picture
        found = dict(zip(self._in_graph, tf.unstack(terms, axis=-1), strict=True))
        slopes = []
        if self._picture_graph is not None:
            own = [knob for k, own in enumerate(self._knobs_by_loss(knobs)) for knob in own if k in self._of_picture]
            values, _, slope, _ = self._mapped(self._picture_gradient, picture, weights, own)
            found |= zip(self._of_picture, tf.unstack(values, axis=-1), strict=True)
            slopes.append(slope)
        losses, direct = self._whole(found, picture, weights, knobs)
        slopes += direct
        grads = tf.cast(grads, tf.float32)
        if seen_alone:
            return Evaluation(losses, tf.add_n([grads, *slopes]), wrt_value, tf.zeros([]), measured)
        slopes_of_all = tf.add_n(slopes) if slopes else tf.zeros_like(picture)
        return Evaluation(losses, grads, wrt_value, slopes_of_all, measured)

    def regularizes(self, weights: tf.Tensor) -> tf.Tensor | bool:
        """Whether what looks at the picture alone has a gradient with these weights: a tensor where that may change."""
        if self._picture_graph is None and self._direct and self._is_large:
            return self._weighed(weights)
        return self._picture_graph is not None or bool(self._direct)

    def _weighed(self, weights: tf.Tensor) -> tf.Tensor:
        return tf.reduce_any(tf.not_equal(tf.gather(weights, self._direct, axis=-1), 0))

    def _mapped(
        self, gradient: Callable[..., tuple[tf.Tensor, ...]], inp: tf.Tensor, weights: tf.Tensor, knobs: Sequence[Any]
    ) -> tuple[tf.Tensor, ...]:
        """Terms, value, gradient and measures of all; one by one where a loss is one number whatever the batch."""
        if not self._one_by_one or inp.shape[0] == 1:
            return gradient(inp, weights, [*knobs, *self._held_for(inp)])

        def of_one(one: Any) -> tuple[tf.Tensor, ...]:
            alone = one[0][None]
            return gradient(alone, one[1][None], [*(knob[None] for knob in one[2]), *self._held_for(alone)])

        arguments = (inp, tf.broadcast_to(weights, [tf.shape(inp)[0], len(self.losses)]), list(knobs))
        found = tf.map_fn(of_one, arguments, fn_output_signature=(tf.float32,) * 4)
        return tuple(tf.squeeze(part, 1) for part in found)

    def _knobs_by_loss(self, knobs: Sequence[tf.Tensor]) -> list[list[tf.Tensor]]:
        rest = iter(knobs)
        return [[next(rest) for _ in loss.knobs()] for loss, _ in self.losses]

    def jointly(self, inp: tf.Tensor, weights: tf.Tensor, knobs: Sequence[tf.Tensor]) -> Evaluation:
        """Evaluate pictures as one, as keras-vis does: each picture's losses are those of all together."""
        values = self(inp, tf.ones_like(weights), knobs).losses[:, :-1]
        with tf.GradientTape() as tape:
            tape.watch(values)
            parts = [loss.joint(values[:, k]) for k, (loss, _) in enumerate(self.losses)]
        # With these weights the sum of all pictures' losses has the gradient of their joint losses.
        shares = tape.gradient(parts, values)
        joint = tf.ones_like(values) * tf.stack(parts) * weights
        losses = tf.concat([joint, tf.reduce_sum(joint, -1, keepdims=True)], -1)
        return self(inp, weights * shares, knobs)._replace(losses=losses)

    def losses_at(self, inp: tf.Tensor, weights: tf.Tensor, knobs: Sequence[tf.Tensor]) -> tf.Tensor:
        """A row, (batch, n + 1 + measures): losses, sum and measures are there also where no gradient is."""
        found: dict[int, tf.Tensor] = {}
        beside = tf.zeros([len(inp), 0])
        for part, of in ((self._graph, self._in_graph), (self._picture_graph, self._of_picture)):
            if part is not None:
                own = [knob for k, own in enumerate(self._knobs_by_loss(knobs)) for knob in own if k in of]
                terms, _, measured = self._forward(part, of, inp, weights, [*own, *self._held_for(inp)])
                found |= zip(of, tf.unstack(terms, axis=-1), strict=True)
                beside = measured if part is self._graph else beside
        return tf.concat([self._whole(found, inp, weights, knobs)[0], beside], -1)

    def _whole(
        self, found: dict[int, tf.Tensor], picture: tf.Tensor, weights: tf.Tensor, knobs: Sequence[tf.Tensor]
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """All losses and their sum, and the slopes of those that are not in a graph."""
        weight_of, own = tf.unstack(weights, len(self.losses), axis=-1), self._knobs_by_loss(knobs)
        slopes: list[tf.Tensor] = []

        def computed() -> tuple[list[tf.Tensor], list[tf.Tensor]]:
            pairs = [self._penalty(k, picture, weight_of[k], own[k]) for k in self._direct]
            return [value for value, _ in pairs], [slope for _, slope in pairs]

        def together() -> tuple[list[tf.Tensor], list[tf.Tensor]]:
            values, of_each = computed()
            return values, [tf.add_n(of_each)]

        def nothing() -> tuple[list[tf.Tensor], list[tf.Tensor]]:
            return [tf.zeros(tf.shape(picture)[:1]) for _ in self._direct], [tf.zeros_like(picture)]

        if self._direct:
            # A recipe may leave them at weight 0, where those of a photograph would take an eighth of its step.
            values, found_slopes = tf.cond(self._weighed(weights), together, nothing) if self._is_large else computed()
            found |= zip(self._direct, values, strict=True)
            slopes += found_slopes if self.wrt_is_input else []
        weighted = tf.stack([found[k] for k in range(len(self.losses))], -1)
        total = tf.reduce_sum(weighted, -1, keepdims=True)
        return tf.concat([weighted, total], -1), slopes

    def _penalty(
        self, k: int, picture: tf.Tensor, weight: tf.Tensor, knobs: Sequence[tf.Tensor]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """A regularizer that is in no graph: its weighted loss, (batch,), and slope."""
        loss: Any = self.losses[k][0]
        broad = [-1, *[1] * (picture.shape.rank - 1)]
        numbers = dict(zip(loss.knobs(), knobs, strict=True))
        value, slope = loss.bound({name: tf.reshape(one, broad) for name, one in numbers.items()}).penalty(picture)
        return weight * tf.reshape(value, [-1]), slope(tf.reshape(weight, broad))

    def _held_for(self, inp: tf.Tensor) -> list[tf.Tensor]:
        values = [tf.constant(value) for _, value in self._held]
        return values if inp.shape[0] == 1 else [tf.repeat(value, tf.shape(inp)[0], axis=0) for value in values]

    def _gradient(self, inp: tf.Tensor, weights: tf.Tensor, rest: Sequence[Any]) -> tuple[tf.Tensor, ...]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(inp)
            terms, wrt_value, measured = self._forward(self._graph, self._in_graph, inp, weights, rest)
        grads = _or_none(lambda: tape.gradient(terms, wrt_value))
        if grads is None and not tf.executing_eagerly():
            # The tape does not follow an inner tensor that no gradient joins to the input.
            grads = _or_none(lambda: tf.gradients(terms, [wrt_value])[0])
        return terms, wrt_value, self._reached(grads, wrt_value, terms), measured

    def _gated_gradient(self, inp: tf.Tensor, weights: tf.Tensor, rest: Sequence[Any]) -> tuple[tf.Tensor, ...]:
        # tf.gradients, as the tape does not look at overridden gradients.
        with backprop_modifiers.gated(self._gate, self.layers, self._sign_of_activation(weights)):
            terms, wrt_value, measured = self._forward(self._graph, self._in_graph, inp, weights, rest)
            grads = _or_none(lambda: tf.gradients(terms, [wrt_value])[0])
        return terms, wrt_value, self._reached(grads, wrt_value, terms), measured

    def _picture_gradient(self, picture: tf.Tensor, weights: tf.Tensor, rest: Sequence[Any]) -> tuple[tf.Tensor, ...]:
        """The same of what looks at the picture alone; no gradient is then no loss."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(picture)
            terms, _, nothing = self._forward(self._picture_graph, self._of_picture, picture, weights, rest)
        slopes = tape.gradient(terms, picture, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return terms, picture, tf.cast(slopes, tf.float32), nothing

    def _reached(self, grads: tf.Tensor | None, wrt_value: tf.Tensor, terms: tf.Tensor) -> tf.Tensor:
        """The gradient, if there is one at all: to optimize without would change nothing and look like success."""
        if grads is None:
            what = diagnosis.subject(self.losses[k][0] for k in self._in_graph)
            raise diagnosis.no_gradient(what, self.input_tensor, self._wrt, wrt_value, terms, self.layers)
        return grads

    def _sign_of_activation(self, weights: tf.Tensor) -> tf.Tensor:
        """What turns the sign of the total's gradient into that of the activation's."""
        activations = [k for k, (loss, _) in enumerate(self.losses) if isinstance(loss, ActivationMaximization)]
        return -tf.sign(weights[0, activations[0]]) if activations else tf.constant(-1.0)

    def _forward(
        self, part: keras.Model, of: Sequence[int], inp: tf.Tensor, weights: tf.Tensor, rest: Sequence[Any]
    ) -> tuple[tf.Tensor, ...]:
        outputs = part([inp, *rest], training=False)
        terms = outputs["terms"] * tf.gather(weights, of, axis=-1)
        measured = outputs["measured"] if "measured" in outputs else terms[:, :0]
        return terms, outputs.get("wrt", inp), measured


def _with_one_output(loss: Any) -> Any:
    """A loss whose layer is found once: what is before a softmax is computed anew each time that it is asked for."""
    if not isinstance(loss.layer, Target):
        return loss
    output = loss.layer.output
    return loss.bound({"layer": dataclasses.replace(loss.layer, build=lambda _: output)})


def _is_direct(loss: Loss, inputs: set[Any]) -> bool:
    """Whether it is a regularizer of the input whose penalty is taken past the graph; a user may have written none."""
    if not isinstance(loss, Regularizer) or loss.img not in inputs:
        return False
    kind = type(loss)
    return kind.penalty is not Regularizer.penalty and kind.build_loss is Regularizer.build_loss


def _or_none(gradient: Callable[[], tf.Tensor | None]) -> tf.Tensor | None:
    """The gradient; None too if there is an operation on the way of which TensorFlow knows none."""
    try:
        return gradient()
    except LookupError:
        return None


def knobs_of(losses: Iterable[Loss]) -> list[np.ndarray]:
    """The values of losses' knobs for one picture, (1, ...), in graph order."""
    return [np.asarray(value, np.float32)[None] for loss in losses for value in loss.knobs().values()]


def check_losses(losses: Sequence[Any]) -> list[tuple[Loss, float]]:
    """The pairs of a loss and a number, at least one; raises what :class:`Objective` does."""
    if not losses:
        raise invalid("losses", "at least one loss with a weight that is not 0", losses, "Pass e.g. act_max_weight=1.")
    return [_check_pair(entry) for entry in losses]


def _check_wrt(tensor: Any) -> None:
    if tensor is not None and not isinstance(tensor, keras.KerasTensor):
        advice = "Pass e.g. model.get_layer('conv1').output, or None for the input."
        raise invalid("wrt_tensor", "a symbolic tensor of the model", tensor, advice, TypeError)


def _check_pair(entry: Any) -> tuple[Loss, float]:
    if not isinstance(entry, tuple | list) or len(entry) != 2 or not isinstance(entry[0], Loss):
        advice = "Pass e.g. losses=[(ActivationMaximization(layer, 3), 1)]."
        raise invalid("losses", "pairs of a Loss and its weight", entry, advice, TypeError)
    return entry[0], check_number("losses", entry[1], advice="Give each loss a number as weight.")
