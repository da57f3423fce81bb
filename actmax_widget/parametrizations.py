"""Parametrizations: what the gradient is taken by, and how a picture comes from it.

:class:`Pixels` are keras-vis's. The others hold a picture by its frequencies, large forms and fine detail alike:
:class:`Fourier` leaves them free, :class:`Phase` keeps each amplitude, :class:`RingSpectrum` the energy of each ring.

Example:
    >>> am.visualize(model, "conv3", 5, parametrization=parametrizations.RingSpectrum(), optimizer=optimizers.Adam(0.1))
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from actmax_widget.checks import invalid, near
from actmax_widget.parameters import COMPILE, integer, number
from actmax_widget.parts import Part

Params = dict[str, tf.Tensor]
Pull = Callable[[tf.Tensor], Params]


class Parametrization(Part):
    """Base class. Override :meth:`start` and :meth:`decode`.

    Pictures are (..., channels), channels last, with 1 to 3 spatial axes. In :meth:`decode` and :meth:`drawn` each of
    the part's own numbers is a tensor of shape (batch, 1, ..., 1) that multiplies with pictures; in :meth:`start` it is
    a float, that of the picture.

    Attributes:
        plain: whether its one parameter is the picture as the network takes it.
        unit: whether its pictures are of 0 to 1, which the engine brings to ``input_range``; else they are as the
            network takes them.
        margin: by how much of the side the optimized picture, the *canvas*, is larger than what is shown, on each side.
            Transforms sample the canvas; its middle is shown, saved and regularized.
        fixed: names of parameters that belong to a start and stay as they are: no optimizer needs to see them, and
            their gradient is zeros.
        faint: whether its starts are nearly grey, so that a search for what excites a unit makes them louder.

    Example:
        >>> class Soft(Parametrization):
        ...     slope = number(1.0, above=0, top=4, help="How hard the picture is. Raise it for black and white.")
        ...     def start(self, shape, random, picture=None):
        ...         if picture is None:
        ...             return {"values": random.normal(size=shape)}
        ...         inside = np.clip(picture, 0.01, 0.99)
        ...         return {"values": np.log(inside / (1 - inside)) / self.slope}
        ...     def decode(self, params, shape):
        ...         return tf.sigmoid(self.slope * params["values"])
        >>> am.visualize(model, "conv3", 5, parametrization=Soft(), optimizer="adam")
    """

    plain: bool = False
    unit: bool = True
    margin: float = 0.0
    fixed: tuple[str, ...] = ()
    faint: bool = False

    def canvas(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the canvas for pictures of this shape, (..., channels).

        The picture begins at ``(canvas - side) // 2`` along each axis.
        """
        *sides, channels = shape
        return (*(side + 2 * round(self.margin * side) for side in sides), channels)

    def check(self, shape: tuple[int, ...]) -> None:
        """Raise a ValueError if there are no such pictures of this shape, (..., channels)."""

    def start(
        self, shape: tuple[int, ...], random: np.random.RandomState, picture: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        """The parameters of a fresh start: name -> array, float32 from then on, of one picture, without batch axis.

        Args:
            shape: of the canvas, (..., channels).
            random: the source of all random numbers.
            picture: a picture of this shape to start from, of 0 to 1 if ``unit``, which :meth:`decode` then gives
                back; None: from noise.
        """
        raise NotImplementedError(f"{self.name}.start() is missing: return a dict of names and float32 arrays.")

    def decode(self, params: Params, shape: tuple[int, ...]) -> tf.Tensor:
        """The canvas, (batch, *shape) float32, of parameters with batch axis."""
        raise NotImplementedError(f"{self.name}.decode() is missing: return a float32 tensor of pictures.")

    def drawn(self, params: Params, shape: tuple[int, ...]) -> tuple[tf.Tensor, Pull]:
        """The canvas, and the function that brings a gradient by the canvas back to one by the parameters.

        By default TensorFlow differentiates :meth:`decode`; override it where there is a quicker closed form.
        """
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(params)
            canvas = self.decode(params, shape)

        def pull(upstream: tf.Tensor) -> Params:
            return tape.gradient(canvas, params, upstream, unconnected_gradients=tf.UnconnectedGradients.ZERO)

        return canvas, pull

    def started(
        self, shape: tuple[int, ...], random: np.random.RandomState, picture: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        """What :meth:`start`, maybe a user's, gives, in float32."""
        found: Any = self.start(shape, random, picture)
        expected, advice = "start() to return a dict of arrays", 'Return e.g. {"values": random.normal(size=shape)}.'
        if not isinstance(found, dict) or not found:
            raise invalid(self.name, expected, found, advice, TypeError)
        arrays = {name: np.asarray(value) for name, value in found.items()}
        for name, value in arrays.items():
            if not isinstance(name, str) or value.dtype.kind not in "biuf":
                raise invalid(self.name, expected, {name: found[name]}, advice, TypeError)
        return {name: np.ascontiguousarray(value, np.float32) for name, value in arrays.items()}


class Pixels(Parametrization):
    """The picture itself, as keras-vis has it: the gradient is taken by each value of the network's input.

    Source: Simonyan et al., *Deep inside convolutional networks*, 2014; keras-vis, 2017.
    """

    plain = True
    unit = False

    def start(self, shape: tuple[int, ...], random: Any, picture: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """See :meth:`Parametrization.start`; without a picture the engine gives one of noise."""
        del shape, random
        assert picture is not None  # noqa: S101 - the engine's own promise
        return {"pixels": picture}

    def decode(self, params: Params, shape: tuple[int, ...]) -> tf.Tensor:
        """See :meth:`Parametrization.decode`."""
        del shape
        return params["pixels"]


# --- frequencies ----------------------------------------------------------------------------------------------------

MEAN = 0.3
"""Standard deviation of the mean of a picture of :class:`Phase` or :class:`RingSpectrum`, in that of its values."""
SOFT = 1 / 255
"""A starting picture is brought this far inside of 0 to 1, whose ends the sigmoid reaches nowhere."""
LEAST = 1 / 256
"""Amplitude of the faintest ring of a starting picture, in the law's: below what 8 bits show, but not stuck at 0."""
SMALL = 1e-8
"""What a ring's mean power is raised by, which is 1 at the start: a ring without any has a finite gradient."""

NATURAL = np.array([[1, 1, 1], [1, 0, -1], [-0.5, 1, -0.5]], np.float32)
"""Luminance, red against blue, green against magenta: how the planes of a picture come together as RGB."""
NATURAL_SCALE = (1.0, 0.4, 0.2)
"""Their standard deviations."""
_LUCID = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]], np.float32)
LUCID = (_LUCID / np.linalg.norm(_LUCID, axis=0).max()).T
"""The same of lucid: square root of the covariance of ImageNet's colours, of largest norm 1."""

INVERSE = {1: tf.signal.irfft, 2: tf.signal.irfft2d, 3: tf.signal.irfft3d}
FORWARD = {1: tf.signal.rfft, 2: tf.signal.rfft2d, 3: tf.signal.rfft3d}


class _Spectral(Parametrization):
    """What parametrizations by frequencies have in common: ``sigmoid(mix(irfft(spectrum)))``.

    Frequencies are those of a real Fourier transform, ``half`` = (*sides[:-1], sides[-1] // 2 + 1), as real and
    imaginary part: (batch, 2, channels, *half), so that numbers of shape (batch, 1, ..., 1) multiply with planes as
    with pictures. The way back is written out: it costs half of what TensorFlow derives.

    Attributes:
        mix: how three planes come together as RGB, see :func:`_mixes`.
        least: the smallest side.
    """

    mix = NATURAL
    least = 2

    def spectrum(self, params: Params, shape: tuple[int, ...]) -> tuple[tf.Tensor, Pull]:
        """The spectrum of all planes, and how a gradient by it goes back."""
        raise NotImplementedError

    def of_spectrum(
        self, spectrum: np.ndarray | None, shape: tuple[int, ...], random: np.random.RandomState
    ) -> dict[str, np.ndarray]:
        """The parameters of this complex spectrum, (channels, *half); None: of a fresh start."""
        raise NotImplementedError

    def canvas(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """See :meth:`Parametrization.canvas`: sides that are quick to transform, where there is a margin."""
        *sides, channels = shape
        return (*(_quick(side, side * (1 + 2 * self.margin)) if self.margin else side for side in sides), channels)

    def check(self, shape: tuple[int, ...]) -> None:
        """See :meth:`Parametrization.check`."""
        *sides, channels = shape
        if not 1 <= len(sides) <= 3:
            expected = "pictures with 1 to 3 spatial axes and an axis of channels"
            raise invalid(self.name, expected, shape, "Use parametrizations.Pixels() for this input.")
        if min(sides) < self.least or channels < 1:
            expected = f"pictures of at least {self.least} px along each side"
            other = "Fourier" if min(sides) >= _Spectral.least else "Pixels"
            raise invalid(self.name, expected, shape, f"Use parametrizations.{other}() for this input.")

    def start(
        self, shape: tuple[int, ...], random: np.random.RandomState, picture: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        """See :meth:`Parametrization.start`. Black and white come back a 255th of the range inside of it."""
        spectrum = None
        if picture is not None:
            soft = 0.5 + (1 - 2 * SOFT) * (np.clip(picture, 0, 1).astype(np.float64) - 0.5)
            planes = np.log(soft / (1 - soft))
            if _mixes(shape):
                planes = planes @ np.linalg.inv(self.mix.astype(np.float64))
            spectrum = np.fft.rfftn(np.moveaxis(planes, -1, 0), axes=range(1, len(shape)))
        params = self.of_spectrum(spectrum, shape, random)
        return {name: np.ascontiguousarray(value, np.float32) for name, value in params.items()}

    def decode(self, params: Params, shape: tuple[int, ...]) -> tf.Tensor:
        """See :meth:`Parametrization.decode`."""
        return self.drawn(params, shape)[0]

    def drawn(self, params: Params, shape: tuple[int, ...]) -> tuple[tf.Tensor, Pull]:
        """See :meth:`Parametrization.drawn`."""
        *sides, channels = shape
        size, mixes = math.prod(sides), _mixes(shape)
        spectrum, back = self.spectrum(params, shape)
        planes = INVERSE[len(sides)](tf.complex(spectrum[:, 0], spectrum[:, 1]), sides)
        planes = tf.reshape(planes, [-1, channels, size])
        if mixes:
            values = tf.matmul(planes, self.mix[None], transpose_a=True)
        else:
            values = planes if channels == 1 else tf.transpose(planes, [0, 2, 1])
        canvas = tf.sigmoid(tf.reshape(values, [-1, *shape]))

        def pull(upstream: tf.Tensor) -> Params:
            grad = tf.reshape(tf.raw_ops.SigmoidGrad(y=canvas, dy=upstream), [-1, size, channels])
            if mixes:
                grad = tf.matmul(self.mix[None], grad, transpose_b=True)
            elif channels > 1:
                grad = tf.transpose(grad, [0, 2, 1])
            grad = FORWARD[len(sides)](tf.reshape(grad, [-1, channels, *sides]), sides)
            return back(tf.stack([tf.math.real(grad), tf.math.imag(grad)], 1) * (_half(sides).twice / size))

        return canvas, pull


class _Half(NamedTuple):
    """The half plane of frequencies of a real Fourier transform, each array (*half), float32.

    Attributes:
        frequency: the distance from 0, in cycles a pixel.
        log: its logarithm, 0 at frequency 0.
        zero: 1 at frequency 0, 0 at the others.
        twice: for how many frequencies it stands: 2, or 1 in the first and, for an even side, the last column.
    """

    frequency: np.ndarray
    log: np.ndarray
    zero: np.ndarray
    twice: np.ndarray


def _half(sides: Sequence[int]) -> _Half:
    axes = [*(np.fft.fftfreq(side) for side in sides[:-1]), np.fft.rfftfreq(sides[-1])]
    frequency = np.sqrt(np.add.reduce(np.meshgrid(*(axis**2 for axis in axes), indexing="ij")))
    column = np.arange(len(axes[-1]))
    twice = np.where((column == 0) | (2 * column == sides[-1]), 1, 2) + 0 * frequency
    log = np.log(np.where(frequency > 0, frequency, 1))
    return _Half(*(array.astype(np.float32) for array in (frequency, log, frequency == 0, twice)))


def _mixes(shape: tuple[int, ...]) -> bool:
    """Whether three planes are mixed to RGB: in pictures and films. All other channels are no colours."""
    return shape[-1] == 3 and len(shape) > 2


def _strength(shape: tuple[int, ...], colour: Any, natural: Sequence[float] = (1, 1, 1)) -> Any:
    """What planes are multiplied with where they are mixed: ``natural``, and the two of colour with ``colour``."""
    along = [1, shape[-1], *[1] * (len(shape) - 1)]
    if not _mixes(shape):
        return np.ones(along, np.float32)
    whole, later = (np.reshape(np.array(one, np.float32), along) for one in (natural, (0, 1, 1)))
    return whole * (1 + (colour - 1) * later)


def _noise(shape: tuple[int, ...], random: np.random.RandomState) -> np.ndarray:
    """White noise as a spectrum, complex (channels, *half), real and imaginary part of standard deviation 1.

    It is a picture's: in the first column, where each frequency comes twice, one is the other's conjugate. Drawn apart,
    half of their energy would cancel. The gradient is a picture's spectrum as well, and leaves it so.
    """
    *sides, channels = shape
    spectrum = np.fft.rfftn(random.normal(size=(channels, *sides)), axes=range(1, len(shape)))
    spectrum *= math.sqrt(2 / math.prod(sides))
    spectrum[_zero(shape)] /= math.sqrt(2)  # which has no imaginary part
    return spectrum


def _zero(shape: tuple[int, ...]) -> tuple[Any, ...]:
    """The index of frequency 0 in (channels, *half)."""
    return (slice(None), *[0] * (len(shape) - 1))


def _parts(spectrum: np.ndarray) -> np.ndarray:
    return np.stack([spectrum.real, spectrum.imag])


def _array(value: Any) -> np.ndarray:
    """One picture's, of a tensor or an array for a batch of one."""
    return np.asarray(value, np.float64)[0]


def _decay(default: float) -> Any:
    return number(
        default,
        least=0,
        most=10,
        top=3,
        scale="linear",
        label="Decay",
        help="How quickly fine detail fades, as a power of its frequency. Raise it for smoother and larger forms, "
        "lower it for finer texture.",
    )


def _contrast() -> Any:
    return number(
        0.25,
        above=0,
        bottom=0.01,
        top=1,
        scale="linear",
        label="Contrast",
        help="Standard deviation of the brightness, as a share of the range. Raise it for a harder picture, lower it "
        "when large areas are black or white.",
    )


def _colour() -> Any:
    return number(
        1.0,
        least=0,
        top=3,
        scale="linear",
        label="Colour",
        help="Strength of colour beside brightness: 1 is that of photographs, 0 is grey. Raise it for more vivid "
        "pictures; without effect where the network sees none in colour.",
    )


def _margin(default: float) -> Any:
    return number(
        default,
        least=0,
        most=0.5,
        top=0.5,
        scale="linear",
        label="Margin",
        takes_effect=COMPILE,
        help="How much larger the optimized picture is than the shown one, on each side, as a share of it. Raise it "
        "when opposite borders of the picture continue each other, lower it to be quicker.",
    )


class Fourier(_Spectral):
    """A free spectrum, in which large forms change as quickly as fine ones.

    ``picture = sigmoid(mix(irfft(v * scale)))``, ``scale = sqrt(size) / 4 / max(f, 1 / longest side)**decay`` for a
    frequency of f cycles a pixel; ``v`` is complex, at the start normal of standard deviation 0.01, which is
    lucid's own: nearly grey. Three planes are mixed to RGB by the covariance of ImageNet's colours.

    Args:
        decay: power by which the scale falls, 0 to 10, default 1.
        colour: factor of the two planes of colour, >= 0, default 1. Without effect unless there are three channels and
            two or three spatial axes; the channels of other inputs are not mixed.
        margin: by how much of the side the canvas is larger than the picture on each side, 0 to 0.5, default 0. Sides
            near that are taken that are quick to transform. Compiles.

    Raises:
        ValueError, TypeError: a number out of its bounds; when it is used, a side of one pixel or more than three
            spatial axes.

    Example:
        >>> am.visualize(model, "conv3", 5, parametrization=Fourier(decay=1), optimizer=optimizers.Adam(0.05))

    Source: Olah, Mordvintsev and Schubert, *Feature visualization*, 2017, and their ``lucid``
    (``optvis/param/spatial.py``, ``color.py``).
    """

    mix = LUCID
    faint = True
    decay: float = _decay(1.0)
    colour: float = _colour()
    margin: float = _margin(0.0)

    def spectrum(self, params: Params, shape: tuple[int, ...]) -> tuple[tf.Tensor, Pull]:
        """See :class:`_Spectral`."""
        scale = self._scale(shape, self.colour)[:, None]
        return params["spectrum"] * scale, lambda grad: {"spectrum": grad * scale}

    def of_spectrum(
        self, spectrum: np.ndarray | None, shape: tuple[int, ...], random: np.random.RandomState
    ) -> dict[str, np.ndarray]:
        """See :class:`_Spectral`."""
        if spectrum is None:
            return {"spectrum": 0.01 * _parts(_noise(shape, random))}
        # What has no colour cannot take a picture's: it waits until there is some.
        return {"spectrum": _parts(spectrum / _array(self._scale(shape, self.colour or 1.0)))}

    def _scale(self, shape: tuple[int, ...], colour: Any) -> tf.Tensor:
        *sides, _ = shape
        log = np.log(np.maximum(_half(sides).frequency, np.float32(1 / max(sides))))
        return tf.exp(-self.decay * log[None, None]) * (_strength(shape, colour) * (math.sqrt(math.prod(sides)) / 4))


class Phase(_Spectral):
    """Fixed amplitudes and free phases (MACO): the picture keeps, frequency by frequency, those of photographs.

    ``picture = sigmoid(mix(irfft(m * exp(i * phase))))``. The amplitude ``m`` is ``f**-decay``, brought to a standard
    deviation of 4 * ``contrast`` before the sigmoid, whose slope is 1/4, for the brightness and of .4 and .2 times that
    for red against blue and green against magenta; the mean lies within .3 times it. A starting picture brings its own
    amplitudes, which ``decay``, ``contrast`` and ``colour`` change in proportion from then on; its mean stays, and
    a flat one stays flat.

    The amplitudes of a start are in its parameters, as ``"magnitude"`` in those of the law; they get no gradient.

    Args:
        magnitude: amplitudes in place of the law, >= 0, in any unit, such as the mean over photographs of
            ``abs(numpy.fft.rfft2(photograph))``: (*sides[:-1], sides[-1] // 2 + 1), or with an axis of channels behind,
            which for colour pictures are brightness, red against blue, green against magenta. The one at frequency 0
            is not looked at. Used at a fresh start without picture; default None, the law.
        decay: power of the law, 0 to 10, default 1.25.
        contrast: standard deviation of the brightness as a share of the range, > 0, default 0.25.
        colour: factor of the two planes of colour, >= 0, default 1; see :class:`Fourier`.
        margin: see :class:`Fourier`; default 0.

    Raises:
        ValueError, TypeError: a number out of its bounds, a ``magnitude`` that is no array of such; when it is used,
            a ``magnitude`` of another shape, a side of one pixel or more than three spatial axes.

    Example:
        >>> am.visualize(model, "conv3", 5, parametrization=Phase(), optimizer=optimizers.Adam(0.1))
        >>> Phase(np.mean([abs(np.fft.rfft2(photograph)) for photograph in photographs], axis=0))

    Source: Fel et al., *Unlocking feature visualization for deeper networks with magnitude constrained optimization*,
    2023. Theirs are the mean amplitudes of ImageNet, not a law.
    """

    fixed = ("magnitude",)
    decay: float = _decay(1.25)
    contrast: float = _contrast()
    colour: float = _colour()
    margin: float = _margin(0.0)

    def __init__(
        self,
        magnitude: Any = None,
        decay: float = 1.25,
        contrast: float = 0.25,
        colour: float = 1.0,
        margin: float = 0.0,
    ) -> None:
        self.decay, self.contrast, self.colour, self.margin = decay, contrast, colour, margin
        self.__post_init__()
        self.magnitude = None if magnitude is None else _magnitude(magnitude)

    def signature(self) -> Hashable | None:
        """See :meth:`Part.signature`: the array matters to a start alone."""
        return super(Phase, self.bound({"magnitude": None})).signature()

    def check(self, shape: tuple[int, ...]) -> None:
        """See :meth:`Parametrization.check`."""
        super().check(shape)
        if self.magnitude is None:
            return
        *sides, channels = canvas = self.canvas(shape)
        half = (*sides[:-1], sides[-1] // 2 + 1)
        advice = "Make it of photographs of the canvas's size, or leave magnitude out for the law of photographs."
        if self.magnitude.shape not in {half, (*half, channels)}:
            expected = f"a magnitude of shape {half} or {(*half, channels)} for a canvas of {canvas}"
            raise invalid(self.name, expected, self.magnitude.shape, advice)
        if not self._given(canvas).any(tuple(range(1, len(shape)))).all():
            raise invalid(self.name, "a magnitude above 0 beside frequency 0 in each channel", self.magnitude, advice)

    def spectrum(self, params: Params, shape: tuple[int, ...]) -> tuple[tf.Tensor, Pull]:
        """See :class:`_Spectral`."""
        magnitude = params["magnitude"] * self._law(shape, self.colour)
        real, imaginary = magnitude * tf.cos(params["phase"]), magnitude * tf.sin(params["phase"])

        def back(grad: tf.Tensor) -> Params:
            phase = grad[:, 1] * real - grad[:, 0] * imaginary
            return {"phase": phase, "magnitude": tf.zeros_like(params["magnitude"])}

        return tf.stack([real, imaginary], 1), back

    def of_spectrum(
        self, spectrum: np.ndarray | None, shape: tuple[int, ...], random: np.random.RandomState
    ) -> dict[str, np.ndarray]:
        """See :class:`_Spectral`."""
        if spectrum is not None:
            return {
                "phase": np.angle(spectrum),
                "magnitude": np.abs(spectrum) / _array(self._law(shape, self.colour or 1.0)),
            }
        phase = np.angle(_noise(shape, random))
        phase[_zero(shape)] = random.uniform(-np.pi, np.pi, shape[-1])  # real, it would be black or white and not move
        magnitude = np.ones(phase.shape)
        if self.magnitude is not None:
            *sides, _ = shape
            half, given = _half(sides), self._given(shape)
            spatial = tuple(range(1, len(shape)))
            law = np.exp(-self.decay * half.log) * (1 - half.zero)
            # Both of one energy, then given in the law's.
            given = given / np.sqrt((half.twice * given**2).sum(spatial, keepdims=True))
            law = law / np.sqrt((half.twice * law**2).sum())
            magnitude = given / (law + half.zero) + half.zero
        return {"phase": phase, "magnitude": magnitude}

    def _law(self, shape: tuple[int, ...], colour: Any) -> tf.Tensor:
        """Amplitudes of the law, (batch, channels, *half)."""
        *sides, _ = shape
        half = _half(sides)
        law = tf.exp(-self.decay * half.log[None, None]) * (1 - half.zero)
        energy = tf.reduce_sum(tf.square(law) * half.twice, range(1, len(shape) + 1), keepdims=True)
        unit = law * tf.math.rsqrt(energy) + MEAN * half.zero
        return unit * (_strength(shape, colour, NATURAL_SCALE) * (4 * self.contrast * math.prod(sides)))

    def _given(self, shape: tuple[int, ...]) -> np.ndarray:
        """The amplitudes given in place of the law, (channels, *half), 0 at frequency 0."""
        *sides, channels = shape
        given = np.asarray(self.magnitude)
        given = given if given.ndim == len(shape) else given[..., None]
        return np.moveaxis(np.broadcast_to(given, (*given.shape[:-1], channels)), -1, 0) * (1 - _half(sides).zero)


def _magnitude(value: Any) -> np.ndarray:
    array = np.asarray(value)
    advice = "Pass e.g. magnitude=abs(numpy.fft.rfft2(photograph)), or None for the law of photographs."
    if array.dtype.kind not in "biuf":
        raise invalid("magnitude", "an array of numbers >= 0, or None", value, advice, TypeError)
    array = array.astype(np.float64)
    if not np.isfinite(array).all() or (array < 0).any():
        raise invalid("magnitude", "finite numbers >= 0", value, advice)
    array.flags.writeable = False
    return array


class RingSpectrum(_Spectral):
    """A spectrum that is free inside of rings, each of which keeps the energy that photographs have there.

    ``v`` is complex, at the start normal of standard deviation 1; the law is ``t = f**-decay``, 0 at frequency 0. A
    ring has the mean power ``E = sum w |v t|**2 / (2 sum w t**2)``, where w is 2, and 1 in the first and, for
    an even side, the last column of the half plane. With ``g = rings / sqrt(E)`` and a factor c to unit variance,
    ``picture = sigmoid(4 contrast mix(irfft(c g v t) + 0.3 v[0, 0]))``. The rings are logarithmic, from the lowest
    frequency into the corner of the plane. The brightness has a standard deviation of ``contrast`` of the range (the
    sigmoid's slope is 1/4), red against blue and green against magenta one of .4 and .2 times that.

    A starting picture brings the energies of its own rings, which ``decay``, ``contrast`` and ``colour`` change in
    proportion from then on. So a flat one, whose rings have none, stays nearly flat: its mean alone is free. They are
    in the parameters, as ``"rings"``: amplitudes in units of the law's, which get no gradient.

    Args:
        decay: power of the law, 0 to 10, default 1.32: that which gives the middles of pictures, under a window, the
            spectrum of photographs.
        rings: number of rings, 2 to 256, default 24. Fewer leave more freedom. Compiles.
        contrast: standard deviation of the brightness as a share of the range, > 0, default 0.25.
        colour: factor of the two planes of colour, >= 0, default 1; see :class:`Fourier`.
        margin: see :class:`Fourier`; default 0.07, which is 256 px for a picture of 227. Compiles.

    Raises:
        ValueError, TypeError: a number out of its bounds; when it is used, a side below 8 px or more than three
            spatial axes.

    Example:
        >>> am.visualize(model, "conv3", 5, parametrization=RingSpectrum(), optimizer=optimizers.Adam(0.1))

    Source: this project's (``PICTURES.md``, 2025). Its law is between :class:`Fourier` and :class:`Phase`, which fixes
    each amplitude where this lets those of a ring trade energy.
    """

    least = 8
    fixed = ("rings",)
    decay: float = _decay(1.32)
    rings: int = integer(
        default=24,
        least=2,
        most=256,
        label="Rings",
        takes_effect=COMPILE,
        help="Number of rings of frequencies that each keep their energy. Raise it to keep closer to photographs, "
        "lower it for more freedom.",
    )
    contrast: float = _contrast()
    colour: float = _colour()
    margin: float = _margin(0.07)

    def spectrum(self, params: Params, shape: tuple[int, ...]) -> tuple[tf.Tensor, Pull]:
        """See :class:`_Spectral`."""
        *sides, channels = shape
        size, half = math.prod(sides), _half(sides).log.shape
        ring, law, power, shares, unit = self._law(sides)
        scale = tf.reshape(_strength(shape, self.colour, NATURAL_SCALE) * (4 * self.contrast), [-1, channels, 1])
        free = params["spectrum"]

        def summed(planes: tf.Tensor) -> tf.Tensor:  # over each ring: (batch, channels, rings)
            return tf.matmul(tf.reshape(planes, [-1, channels, ring.shape[1]]), ring, transpose_b=True)[..., 1:]

        def spread(numbers: tf.Tensor, mean: float) -> tf.Tensor:
            padded = tf.pad(numbers, [(0, 0), (0, 0), (1, 0)], constant_values=mean)
            return tf.reshape(tf.matmul(padded * scale, ring), [-1, channels, *half])

        energy = tf.math.divide_no_nan(summed(tf.reduce_sum(tf.square(free), 1) * power), 2 * shares) + SMALL
        gain = params["rings"] * tf.math.rsqrt(energy) * unit
        amplitude = (spread(gain, MEAN * size) * law)[:, None]

        def back(grad: tf.Tensor) -> Params:
            # The gain falls with v: d gain / d v = -gain / energy * power * v / (2 * shares), summed in its ring.
            along = summed(tf.reduce_sum(free * grad, 1) * law)
            held = spread(tf.math.divide_no_nan(along * gain, 2 * shares * energy), 0.0) * power
            return {"spectrum": amplitude * grad - held[:, None] * free, "rings": tf.zeros_like(params["rings"])}

        return free * amplitude, back

    def of_spectrum(
        self, spectrum: np.ndarray | None, shape: tuple[int, ...], random: np.random.RandomState
    ) -> dict[str, np.ndarray]:
        """See :class:`_Spectral`."""
        *sides, channels = shape
        noise = _noise(shape, random)
        if spectrum is None:
            return {"spectrum": _parts(noise), "rings": np.ones((channels, self.rings))}
        ring, *values = self._law(sides)
        law, power, shares, unit = (_array(value) for value in values)
        scale = _array(_strength(shape, self.colour or 1.0, NATURAL_SCALE)) * (4 * self.contrast)
        factor = np.concatenate([np.full((1, 1), MEAN * math.prod(sides)), np.full((1, self.rings), unit.item())], 1)

        def spread(numbers: np.ndarray) -> np.ndarray:
            return (numbers @ ring).reshape(-1, *law.shape[1:])

        def amplitudes() -> np.ndarray:  # of the rings, in the law's
            energy = (np.abs(free) ** 2 * power).reshape(channels, -1) @ ring.T[:, 1:]
            return np.sqrt(np.divide(energy, 2 * shares, out=np.ones_like(energy), where=shares > 0))

        free = spectrum / (scale * spread(factor) * law)
        missing = np.sqrt(np.maximum(LEAST**2 - amplitudes() ** 2, 0))
        free += noise * spread(np.pad(missing, [(0, 0), (1, 0)]))
        rings = amplitudes()
        free /= spread(np.pad(rings, [(0, 0), (1, 0)], constant_values=1))
        return {"spectrum": _parts(free), "rings": rings}

    def _law(self, sides: Sequence[int]) -> tuple[np.ndarray, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """Which frequency is in which ring; t, w t**2, (batch, 1, *half); its sum in each ring; c, (batch, 1, 1)."""
        half, ring = _half(sides), _ring(sides, self.rings)
        law = tf.exp(-self.decay * half.log[None, None])
        power = tf.square(law) * half.twice
        shares = tf.matmul(tf.reshape(power, [-1, 1, ring.shape[1]]), ring, transpose_b=True)[..., 1:]
        return ring, law, power, shares, math.prod(sides) * tf.math.rsqrt(2 * tf.reduce_sum(shares, 2, keepdims=True))


def _ring(sides: Sequence[int], rings: int) -> np.ndarray:
    """In which ring a frequency is, 1 there and else 0: float32 (1 + rings, size of half). The first is frequency 0."""
    frequency = _half(sides).frequency.ravel()
    edges = np.geomspace(frequency[frequency > 0].min(), frequency.max(), rings + 1)[:-1]
    edges *= 1 - 1e-6  # a frequency on an edge is in the ring that begins there, however it is rounded
    return (np.searchsorted(edges, frequency) == np.arange(rings + 1)[:, None]).astype(np.float32)


def _quick(side: int, wanted: float) -> int:
    """The side nearest to ``wanted``, not below ``side``, that is even and has no prime factor above 7."""
    sides = (even for even in range(side + side % 2, 2 * side + 16, 2) if 210**even % even == 0)
    return min(sides, key=lambda even: abs(even - wanted))


BUILT_IN: dict[str, type[Parametrization]] = {
    "pixels": Pixels,
    "fourier": Fourier,
    "phase": Phase,
    "ringspectrum": RingSpectrum,
}


def get(value: Any) -> Parametrization:
    """Look a parametrization up.

    Args:
        value: a parametrization, or the name of one: its class's, in any case.

    Raises:
        ValueError: an unknown name.
        TypeError: neither a name nor a parametrization.
    """
    names = ", ".join(BUILT_IN)
    if isinstance(value, str):
        if value.lower() not in BUILT_IN:
            advice = f"{near(value.lower(), BUILT_IN)} Check the spelling."
            raise invalid("parametrization", f"one of {names}", value, advice.lstrip())
        return BUILT_IN[value.lower()]()
    if not isinstance(value, Parametrization):
        advice = "Pass e.g. parametrization='fourier' or parametrizations.Fourier()."
        raise invalid("parametrization", f"a Parametrization or one of {names}", value, advice, TypeError)
    return value
