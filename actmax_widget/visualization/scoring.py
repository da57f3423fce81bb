"""The score of any picture, and the real pictures that excite a unit most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from actmax_widget import demo, preprocessing, presets
from actmax_widget.checks import check_range, invalid
from actmax_widget.labels import Labels
from actmax_widget.losses import Loss, Sum, summed
from actmax_widget.network import Network, starting
from actmax_widget.network.dataset import References
from actmax_widget.scoring import examples
from actmax_widget.scoring import score as scoring
from actmax_widget.scoring.aims import aims_of
from actmax_widget.scoring.examples import Examples
from actmax_widget.scoring.score import Score


def score(
    model: Any,
    picture: Any,
    target: Any,
    filter_indices: Any = None,
    *,
    references: Any = None,
    judge: Any = None,
    input_range: tuple[float, float] = (0, 255),
    preprocess: Any = None,
    input_shape: Sequence[int] | None = None,
    held_inputs: Mapping[str, Any] | None = None,
    labels: Any = None,
) -> Score:
    """Say how far a picture can be trusted: strong, sturdy, natural, each with its numbers and a word.

    The network is asked about the picture as a file keeps it: in 8 bits, decoded, and preprocessed again.

    - *strong*: the target's activation, its rank and, for a class or label, its probability. With references, how many
      real pictures excite it less, and how many times the strongest of them it is.
    - *sturdy*: the share of the answer that is left after 8 shifts by up to 8 %, turns by 5 degrees, made smaller to
      0.9, JPEG of quality 75 and noise of 2 %: the mean of these five kinds. Of a class or label it is the probability,
      else the activation above that of plain grey. And what another network says.
    - *natural*: the RMS difference of log10 power over 16 rings of frequencies, and the distance of the logarithms of
      the colours' covariances, from photographs, or from 8 or more references.

    Each is "green", "amber", or "grey" where data is missing. A class is green from first place with a probability of
    0.5, another unit above 95 % of 20 references or more; sturdy where half of the answer is left after each of the
    five and, with a judge, in the first five there; natural within what nine of ten real pictures are.

    Args:
        model: a Keras model.
        picture: (height, width, channels) in ``input_range``, with or without batch axis; or a path or a Pillow image,
            which is fitted to the input.
        target: a layer, or an objective, of which the heaviest term with units is scored.
        filter_indices: filter, unit or class of a layer, several, or a name where there are labels; None: the mean of
            all.
        references: real pictures: an array, a folder, a ``tf.data`` or Keras dataset, see
            :class:`~actmax_widget.References`. Pictures and a layer's answers are kept in one such object.
        judge: another Keras model of the same classes, or a pair of it and how it is fed, as ``preprocess`` has it. It
            gets the picture in ``input_range``, resized to its input.
        input_range: (low, high) of the network's values.
        preprocess: what the network is fed, see :class:`~actmax_widget.ActMaxWidget`.
        input_shape: see :func:`~actmax_widget.visualize_activation`.
        held_inputs: see there.
        labels: names of the last layer's units.

    Returns:
        A :class:`~actmax_widget.scoring.score.Score`. ``print()`` reads it out, ``to_dict()`` gives the numbers, and
        ``passes`` how many pictures the networks were shown.

    Raises:
        ValueError, TypeError: a bad argument, no references that can be read, or a judge of other classes: before
            anything is computed.

    Example:
        >>> model = am.demo.photos()
        >>> result = am.visualize(model, "logits", "flamingo", seed=0)
        >>> am.score(model, result.image, "logits", "flamingo").strong.verdict  # the same as result.score()
        'green'

    Source: Zimmermann et al., *How well do feature visualizations support causal understanding of CNN activations?*,
    2021; Borowski et al., *Exemplary natural images explain CNN activations better*, 2021; Geirhos et al., *Don't trust
    your eyes*, 2023. The rows and their limits are this project's (2026).
    """
    low, high = check_range(input_range)
    names = demo.labels(model) if labels is None else Labels(labels)
    network = Network(model, input_shape, held_inputs, picture)
    start = starting.start_of(network.input, picture, (low, high), name="picture")
    if start.array is None:
        raise invalid("picture", "a picture", None, "Pass result.image, an array or a path.", TypeError)
    image = starting.starting_image(network.input, start.array, (low, high), name="picture")
    network = network.fed_by(preprocessing.get(preprocess))
    losses = _losses(network, target, filter_indices, names)
    shown = network.layout.as_shown(np.asarray(image)[0])
    return scoring.score(network, losses, shown, (low, high), references=references, judge=judge, labels=names)


def visualize_references(
    model: Any,
    target: Any,
    filter_indices: Any = None,
    references: Any = None,
    *,
    count: int = 9,
    input_range: tuple[float, float] = (0, 255),
    preprocess: Any = None,
    input_shape: Sequence[int] | None = None,
    held_inputs: Mapping[str, Any] | None = None,
    labels: Any = None,
) -> Examples:
    """Find the real pictures that excite a unit most, cropped to the part that it sees.

    All units of the layer are asked in one pass, which is kept in :class:`~actmax_widget.References`: give one object
    for several units, and the next one takes milliseconds. The part that a unit of a convolution sees is where the
    gradient of its strongest answer is not zero; of a class it is the whole picture.

    Args:
        model: a Keras model.
        target: a layer, or an objective, of which the heaviest term with units counts.
        filter_indices: see :func:`~actmax_widget.score`.
        references: real pictures, see :class:`~actmax_widget.References`.
        count: how many.
        input_range: see :func:`~actmax_widget.score`; so for the others.
        preprocess: see there.
        input_shape: see there.
        held_inputs: see there.
        labels: see there.

    Returns:
        :class:`~actmax_widget.scoring.examples.Examples`: ``crops``, ``activations``, ``names``, and whole pictures.

    Raises:
        ValueError, TypeError: a bad argument, or no references that can be read.

    Example:
        >>> photos = am.References("holidays")
        >>> examples = am.visualize_references(am.demo.photos(), "fire5_concat", 7, photos)
        >>> examples.names[0], examples.activations[0], examples.crops[0].shape
        ('garden.jpg', 41.5, (99, 99, 3))

    Source: Borowski et al., *Exemplary natural images explain CNN activations better than state-of-the-art feature
    visualization*, 2021; crops as in Achtibat et al., *From attribution maps to human-understandable explanations
    through concept relevance propagation*, 2023.
    """
    low, high = check_range(input_range)
    names = demo.labels(model) if labels is None else Labels(labels)
    network = Network(model, input_shape, held_inputs).fed_by(preprocessing.get(preprocess))
    aims = aims_of(network, _losses(network, target, filter_indices, names), names)
    if not aims:
        raise invalid("target", "a layer, or an objective with units", target, scoring.NO_AIM)
    return examples.top(network, aims[0], References.of(references), (low, high), count)


def _losses(network: Network, target: Any, filter_indices: Any, names: Labels | None) -> Any:
    if isinstance(target, Loss | Sum | list | tuple):
        return [*summed(target).on(network)]
    layer = network.find(target)
    if names is not None:
        filter_indices = names.indices(filter_indices, layer.filters, layer.name)
    return presets.activation_losses(network, layer.name, filter_indices, (1.0, None, None))
