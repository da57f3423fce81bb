"""Pictures of one objective side by side, each with numbers of its own."""

import keras
import numpy as np
import pytest

import actmax_widget as am
from actmax_widget import losses, parametrizations, transforms
from tests.networks import small_cnn

OPTIONS = {"preset": "keras-vis", "seed": 1, "max_iter": 12, "learning_rate": 0.5}


def many(model, vary, **options):
    return am.visualize_many(model, "conv1", 2, vary=vary, **{**OPTIONS, **options})


@pytest.mark.parametrize(
    ("vary", "options"),
    [
        ({"tv_weight": [0, 1, 100]}, {}),
        ({"seed": range(3)}, {}),
        ({"learning_rate": [0.1, 1]}, {"optimizer": "adam"}),
        ({"jitter": [0, 3], "lp_norm_weight": [0, 50]}, {}),
        ({"Noise.start": [0.0, 0.5], "seed": [3, 4]}, {"transforms": [transforms.Noise(0.1)], "optimizer": "adam"}),
        ({"Fourier.decay": [0.5, 1.5]}, {"parametrization": parametrizations.Fourier(), "optimizer": "adam"}),
    ],
)
def test_each_is_what_it_would_be_alone(model, vary, options):
    made = many(model, vary, **options)
    assert len(made) == np.prod([len(values) for values in vary.values()])
    assert len({one.image.tobytes() for one in made}) == len(made)
    for own, picture in zip(made.varied, made, strict=True):
        plain = {name: value for name, value in own.items() if "." not in name}
        alone = {**OPTIONS, **options, **plain}
        if addressed := {name: value for name, value in own.items() if "." in name}:
            start = am.ActMaxWidget(model, "conv1", filter_indices=2, **alone)
            start.knobs.update(addressed)
            start.start()
            assert start.wait(60)
            image, history = start.image, start.history
            start.close()
        else:
            result = am.visualize(model, "conv1", 2, **alone)
            image, history = result.image, result.history
        np.testing.assert_allclose(picture.image, image, atol=0.5)
        np.testing.assert_allclose(picture.history.values, history.values, rtol=1e-2, atol=1e-2)
        assert picture.history.measures == ("activation",)


def test_filters_places_and_names_are_varied(model):
    made = many(model, {"filter_indices": [0, (1, 3), None]}, max_iter=3)
    np.testing.assert_allclose(
        made[0].image, am.visualize(model, "conv1", 0, **{**OPTIONS, "max_iter": 3}).image, atol=0.1
    )
    assert many(model, {"position": [(0, 0), (5, 5)]}, max_iter=2, position=(1, 1)).images.shape[0] == 2
    digits = am.demo.digits()
    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    named = am.visualize_many(digits, "out", vary={"filter_indices": ["two", 2]}, labels=names, seed=0, max_iter=2)
    np.testing.assert_allclose(named[0].image, named[1].image, atol=0.1)  # of a batch, so but for rounding


def test_a_grid_goes_with_the_last_name_first(model):
    made = many(model, {"seed": [5, 6], "tv_weight": [1, 2, 3]}, max_iter=1, batch_size=4)
    assert made.varied[:4] == (
        {"seed": 5, "tv_weight": 1},
        {"seed": 5, "tv_weight": 2},
        {"seed": 5, "tv_weight": 3},
        {"seed": 6, "tv_weight": 1},
    )
    assert made.images.shape == (6, *made[0].image.shape)


def test_values_compile_nothing(model, traces):
    many(model, {"tv_weight": [0, 1]})
    assert traces.of(lambda: many(model, {"tv_weight": [2, 3, 4], "seed": range(2)}, batch_size=3)) == 0
    assert traces.of(lambda: many(model, {"filter_indices": range(4)})) == 0


def test_where_no_seed_is_set_pictures_differ_in_what_is_varied_alone(model):
    made = many(model, {"tv_weight": [1, 1]}, seed=None)
    np.testing.assert_array_equal(made[0].image, made[1].image)


def test_an_objective_is_varied(model):
    objective = losses.ActivationMaximization("conv1", 1) + 0.5 * losses.Neuron("conv1", 2)
    name = f"{objective.names[1]}.weight"
    made = am.visualize_many(model, objective, vary={name: [0, 5]}, seed=0, max_iter=4)
    assert made[0].history.names == objective.names
    assert not np.array_equal(made[0].image, made[1].image)


def test_one_of_them_goes_on_alone_and_in_the_widget(model):
    made = many(model, {"tv_weight": [0, 30]})
    further = am.visualize(model, start=made[1].checkpoint, max_iter=5)
    np.testing.assert_array_equal(further.history.values[:12], made[1].history.values)
    assert further.checkpoint.settings.tv_weight == 30
    widget = am.ActMaxWidget(model, "conv1", preset="keras-vis")
    widget.restore(made[1].checkpoint)
    np.testing.assert_array_equal(widget.image, made[1].image)
    widget.step(5)
    np.testing.assert_array_equal(widget.image, further.image)
    widget.close()


def test_the_name_of_how_the_gradient_goes_is_kept_with_each(model):
    made = am.visualize_many(model, "out", 3, vary={"seed": [1, 2]}, backprop_modifier="guided", max_iter=4)
    assert made[1].checkpoint.settings.backprop_modifier == "guided"
    further = am.visualize(model, start=made[1].checkpoint, max_iter=4)
    alone = am.visualize(model, "out", 3, seed=2, backprop_modifier="guided", max_iter=4)
    straight = am.visualize(model, start=alone.checkpoint, max_iter=4)
    np.testing.assert_allclose(further.history.values, straight.history.values, rtol=1e-3, atol=1e-3)


def test_one_of_them_is_made_again_with_its_film(model):
    made = many(model, {"seed": [1, 2]}, max_iter=40)
    assert made[1].film is None
    again = am.visualize(model, changes=made[1].checkpoint.changes)
    np.testing.assert_allclose(again.image, made[1].image, atol=0.5)
    assert len(again.film) >= 32


def test_a_model_of_fixed_batches_is_filled_up():
    inputs = keras.Input(batch_shape=(3, 12, 12, 1))
    model = keras.Model(inputs, small_cnn().get_layer("conv1")(inputs))
    assert many(model, {"seed": range(4)}, max_iter=2).images.shape[0] == 4


def test_what_explodes_is_told_and_the_others_are_made(model):
    with pytest.warns(RuntimeWarning, match=r"not finite for \{'learning_rate': 1e\+30\}"):
        made = many(model, {"learning_rate": [1.0, 1e30]}, clip=False)
    assert np.isfinite(made[0].history["total"]).all()
    assert len(made[1].history) < 12
    assert np.isfinite(made.images).all()


@pytest.mark.parametrize(
    ("vary", "error", "why"),
    [
        ({"tv_wieght": [1]}, ValueError, "Did you mean 'tv_weight'"),
        ({"parametrization": ["pixels"]}, ValueError, "It shapes the graph"),
        ({"max_iter": [1, 2]}, ValueError, "names of numbers of this run"),
        ({"tv_weight": []}, ValueError, "at least one value"),
        ({"seed": range(10_000)}, ValueError, "at most 4096 pictures"),
        ({"tv_weight": 3}, TypeError, "a sequence of values"),
        ({"tv_weight": "12"}, ValueError, "a sequence of at least one value"),
        ({"tv_weight": [1, "a"]}, TypeError, "tv_weight"),
        ({"filter_indices": [1, 99]}, ValueError, "filter_indices"),
        ({"seed": [None]}, TypeError, "seed"),
        ({}, ValueError, "at least one name"),
        (["seed"], TypeError, "a mapping"),
        ({"learning_rate": [1], "RMSProp.learning_rate": [2]}, ValueError, "each number once"),
        ({"temperature": [1, 2]}, ValueError, "names of numbers of this run"),
        ({"position": [None, (1, 1)]}, ValueError, "values that are computed alike"),
    ],
)
def test_bad_values_are_refused_before_anything_is_made(model, traces, vary, error, why):
    with pytest.raises(error, match=why):
        many(model, vary)


def test_a_checkpoint_is_no_start_of_many(model):
    kept = am.visualize(model, "conv1", 2, max_iter=1).checkpoint
    with pytest.raises(ValueError, match="start: expected a picture"):
        many(model, {"seed": [1]}, start=kept)
