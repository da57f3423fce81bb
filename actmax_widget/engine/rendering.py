"""From parameters to the picture, and to what the network is shown instead; and gradients the way back.

``image = parametrization(params)``; ``seen = transforms(image)``. The parametrization draws a *canvas*, which may be
larger than the picture: transforms look at all of it, people and regularizers at its middle. Transforms are drawn anew
at each step and undone by the gradient's way back, so nothing of them stays in the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from actmax_widget.checks import asked, invalid
from actmax_widget.engine import returned, transforming
from actmax_widget.network import layout
from actmax_widget.network.starting import starting_image
from actmax_widget.parametrizations import Parametrization, Params
from actmax_widget.parts import is_users
from actmax_widget.transforms import Transform, check_for

Numbers = dict[str, tf.Tensor]
"""A part's live numbers: (batch,) float32 each."""


class Rendered(NamedTuple):
    """What parameters come to: tensors as the network takes them.

    Attributes:
        image: the picture, (batch, ..., channels).
        seen: what the network is shown, (batch * views, ..., channels); the picture itself without transforms.
        pull: function of the gradients by ``seen`` and by ``image``, and whether the latter is one at all; it gives
            those by the parameters and by the canvas, both together.
    """

    image: tf.Tensor
    seen: tf.Tensor
    pull: Callable[[tf.Tensor, tf.Tensor, tf.Tensor | bool], tuple[Params, tf.Tensor]]


class Rendering:
    """How pictures for an input are made of parameters, and shown.

    Args:
        input_tensor: the symbolic input.
        parametrization: what the gradient is taken by.
        transforms: what the network is shown instead.
        preprocess: what it is fed of what it is shown; None: that itself.

    Attributes:
        views: how many views of each picture the network is shown.
        transformed: whether it is shown something else than the picture.

    Raises:
        ValueError: a part that there is not for pictures of this shape.
    """

    def __init__(
        self,
        input_tensor: Any,
        parametrization: Parametrization,
        transforms: Sequence[Transform],
        preprocess: Callable[[Any], Any] | None = None,
    ) -> None:
        self.parametrization, self.transforms = parametrization, tuple(transforms)
        self.views = int(np.prod([transform.views for transform in transforms]))
        self._preprocess = preprocess
        self.transformed = bool(self.transforms) or preprocess is not None
        self._input, self._layout = input_tensor, layout.of_input(input_tensor)
        self._shape = self._layout.shape_shown(input_tensor.shape)
        if not parametrization.plain:
            parametrization.check(self._shape)
        check_for(self.transforms, self._shape)
        self._canvas = parametrization.canvas(self._shape)
        if preprocess is not None:
            preprocess(tf.zeros([1, *input_tensor.shape[1:]]))  # what is wrong with it is said now

    def start(
        self, seed_input: np.ndarray | None, input_range: tuple[float, float], random: Any
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """The parameters of a fresh start, with batch axis, and the picture that they come to.

        Args:
            seed_input: the starting picture as the network takes it; None: noise.
            input_range: (low, high).
            random: a :class:`numpy.random.RandomState`.
        """
        part = self.parametrization
        if part.plain:
            image = starting_image(self._input, seed_input, input_range, random)
            return {"pixels": image}, image
        canvas = None
        if seed_input is not None:
            low, high = input_range if part.unit else (0.0, 1.0)
            shown = self._layout.as_shown(starting_image(self._input, seed_input, input_range)[0])
            canvas = np.pad((shown - low) / (high - low), self._edges, "symmetric").astype(np.float32)
        params = {name: array[None] for name, array in part.started(self._canvas, random, canvas).items()}
        return params, self.image(params, input_range)

    def template(self) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """What is of the shapes and types of a start: noise takes tens of milliseconds, and nobody is to see this."""
        image = np.zeros([1, *(int(size or 1) for size in self._input.shape[1:])], np.float32)
        part = self.parametrization
        if part.plain:
            return {"pixels": image}, image
        plain = np.full(self._canvas, 0.5, np.float32)
        started = part.started(self._canvas, np.random.RandomState(0), plain)
        return {name: array[None] for name, array in started.items()}, image

    def image(self, params: dict[str, np.ndarray], input_range: tuple[float, float]) -> np.ndarray:
        """The pictures of parameters with batch axis, at the part's own numbers."""
        tensors = {name: tf.constant(array) for name, array in params.items()}
        numbers = {name: tf.constant([value], tf.float32) for name, value in self.parametrization.numbers().items()}
        return self._drawn(tensors, numbers, tf.constant(input_range, tf.float32))[0].numpy()

    def rendered(
        self,
        params: Params,
        *,
        parametrization: Numbers,
        transforms: Sequence[Numbers],
        seeds: tf.Tensor,
        iteration: tf.Tensor,
        progress: tf.Tensor,
        input_range: tf.Tensor,
    ) -> Rendered:
        """What parameters come to at an iteration: see :func:`actmax_widget.engine.transforming.seen`."""
        image, canvas, pull_params = self._drawn(params, parametrization, input_range)
        seen, pull_canvas = image, None
        if self.transforms:
            shown, pull_canvas = transforming.seen(
                self.transforms,
                canvas,
                self._shape[:-1],
                seeds=seeds,
                iteration=iteration,
                numbers=transforms,
                progress=progress,
                input_range=input_range,
                unit=self.parametrization.unit,
            )
            seen = self._as_taken(shown)
        fed, pull_fed = self._fed(seen)
        scale = input_range[1] - input_range[0] if self.parametrization.unit else None

        def pull(by_seen: tf.Tensor, by_image: tf.Tensor, regularized: tf.Tensor | bool) -> tuple[Params, tf.Tensor]:
            by_seen = pull_fed(by_seen)
            if not self.transformed:
                by_canvas = self._widened(self._scaled(by_seen, scale))  # of the regularizers, too
            elif pull_canvas is None:
                by_canvas = self._widened(self._scaled(by_seen + by_image, scale))
            else:
                by_canvas = pull_canvas(self._as_shown(by_seen))
                if regularized is not False:

                    def together() -> tf.Tensor:
                        return by_canvas + self._widened(self._scaled(by_image, scale))

                    by_canvas = together() if regularized is True else tf.cond(regularized, together, lambda: by_canvas)
            return pull_params(by_canvas), by_canvas

        return Rendered(image, fed, pull)

    def blank(self, pictures: tf.Tensor) -> tf.Tensor:
        """A gradient by the canvas of so many pictures: zeros."""
        return tf.zeros([tf.shape(pictures)[0], *self._canvas])

    def by_picture(self, by_canvas: tf.Tensor, input_range: tf.Tensor) -> tf.Tensor:
        """The gradient by the picture, as the network takes it, of one by the canvas."""
        middle = self._cut(by_canvas)
        scaled = middle / (input_range[1] - input_range[0]) if self.parametrization.unit else middle
        return self._as_taken(scaled)

    def _fed(self, seen: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        """What the network is fed, and the way back."""
        if self._preprocess is None:
            return seen, lambda upstream: upstream
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(seen)
            fed = self._preprocess(seen)
        none = tf.UnconnectedGradients.ZERO
        return fed, lambda upstream: tape.gradient(fed, seen, upstream, unconnected_gradients=none)

    def _drawn(
        self, params: Params, numbers: Numbers, input_range: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, Callable[[tf.Tensor], Params]]:
        """The picture, the canvas, and the way back from the canvas."""
        if self.parametrization.plain:
            image = params["pixels"]
            return image, self._as_shown(image), lambda upstream: {"pixels": self._as_taken(upstream)}
        part = self.parametrization.bound(shaped(numbers, len(self._shape) + 1))
        canvas, pull = part.drawn(params, self._canvas) if not is_users(part) else self._asked(part, params)
        middle = self._cut(canvas)
        if part.unit:
            middle = input_range[0] + (input_range[1] - input_range[0]) * middle
        return self._as_taken(middle), canvas, pull

    def _asked(self, part: Parametrization, params: Params) -> tuple[tf.Tensor, Callable[[tf.Tensor], Params]]:
        shape = (None, *self._canvas)
        expected = f"decode() to return a float32 tensor of pictures, (batch, {str(self._canvas)[1:]}"
        canvas, pull = asked(part.name, lambda: part.drawn(params, self._canvas), expected, returned.ADVICE)
        returned.check_tensor(part.name, canvas, shape, expected)
        if canvas.dtype != tf.float32:
            raise invalid(part.name, expected, canvas.dtype, "Cast it by tf.cast(…, tf.float32).", TypeError)
        return canvas, pull

    def _scaled(self, by_image: tf.Tensor, scale: tf.Tensor | None) -> tf.Tensor:
        shown = self._as_shown(by_image)
        return shown if scale is None else shown * scale

    @property
    def _edges(self) -> list[tuple[int, int]]:
        both = zip(self._canvas, self._shape, strict=True)
        return [((one - own) // 2, (one - own + 1) // 2) for one, own in both]

    def _cut(self, canvas: tf.Tensor) -> tf.Tensor:
        if self._canvas == self._shape:
            return canvas
        return tf.slice(canvas, [0, *(before for before, _ in self._edges)], [-1, *self._shape])

    def _widened(self, by_image: tf.Tensor) -> tf.Tensor:
        return by_image if self._canvas == self._shape else tf.pad(by_image, [(0, 0), *self._edges])

    def _as_shown(self, pictures: tf.Tensor) -> tf.Tensor:
        """Pictures as the network takes them, with channels last."""
        channels, rank = self._layout.channels, self._layout.rank
        if channels is None:
            return pictures[..., None]
        if channels == rank - 1:
            return pictures
        return tf.transpose(pictures, [*(axis for axis in range(rank) if axis != channels), channels])

    def _as_taken(self, pictures: tf.Tensor) -> tf.Tensor:
        """The other way."""
        channels, rank = self._layout.channels, self._layout.rank
        if channels is None:
            return pictures[..., 0]
        if channels == rank - 1:
            return pictures
        order = list(range(rank - 1))
        return tf.transpose(pictures, [*order[:channels], rank - 1, *order[channels:]])


def shaped(numbers: Numbers, rank: int) -> Numbers:
    """Numbers (batch,) as they multiply with arrays of this rank: (batch, 1, ..., 1)."""
    return {name: tf.reshape(value, [-1, *[1] * (rank - 1)]) for name, value in numbers.items()}
