"""111 recorded runs of keras-vis come out the same, but for the deliberate departures, each of which is shown here.

Levels and tolerances are those of the recording's own notes: the network; losses and gradients at recorded inputs
(teacher-forced); the raw gradient; the whole run, where float noise grows, within ten times what keras-vis itself did
when its seed was changed by a few units in the last place (``sensitivity``).
"""

from __future__ import annotations

import keras
import numpy as np
import pytest

import actmax_widget as am
from actmax_widget import transforms, utils
from actmax_widget.engine.step import Step
from actmax_widget.input_modifiers import Jitter
from actmax_widget.losses import ActivationMaximization
from actmax_widget.regularizers import LPNorm, TotalVariation
from tests import oracle_replay as oracle
from tests.networks import small_cnn

CASES = [pytest.param(case, id=case.id) for case in oracle.all_cases()]
ALIKE = {
    *["defaults_mnist_it1", "defaults_mnist_it5", "defaults_mnist_it50", "defaults_rgb_it1", "defaults_rgb_it5"],
    *["defaults_rgb_it50", "losses_defaults_200", "weights_lp0_rgb_conv", "weights_tv0_rgb_conv"],
    *["weights_lp0_tv0_rgb_conv", "filters_int_rgb_conv", "filters_list1_rgb_conv", "filters_dup_rgb_conv"],
    *["filters_all_rgb_conv", "filters_default_mnist_conv", "filters_flatten_layer_mnist", "dense_one_linear"],
    *["dense_none_linear", "dense_one_softmax", "dense_none_softmax", "dense_hidden_relu", "gradmod_negate_rgb"],
    *["backprop_relu_mnist_dense", "backprop_deconv_mnist_dense", "backprop_guided_rgb_dense_noreg"],
    *["backprop_rectified_rgb_conv_noreg", "backprop_rectified_rgb_dense_noreg", "backprop_rectified_mnist_dense"],
    *["backprop_guided_mix", "range_0_255_seeded", "range_0f_1f_seeded", "range_m1f_1f_noseed", "range_mixed_0_255f"],
    *["range_reversed_float", "jitter_005_rgb", "jitter_025_mnist", "jitter_default_mnist_natural", "jitter_zero"],
    *["wrt_input_explicit", "losses_tv15_only", "losses_tv3", "losses_lp2", "losses_lp1_signed", "seed_nobatch_rgb"],
    *["seed_nobatch_mnist", "seed_float64", "seed_zeros_nolp", "seednone_mnist", "reg_idx0", "reg_conv", "c1d_conv"],
    *["c1d_dense", "mix_sigmoid_out", "mix_lrelu_layer"],
}
"""Of these each step goes the way of another case's, with other numbers: `make test` compares their first and last
step, `make soak` the whole run."""


def relative(ours, recorded):
    return np.abs(np.asarray(ours, np.float64) - recorded) / (np.abs(np.asarray(recorded, np.float64)) + 1e-3)


def distance(case, ours, recorded):
    """Relative L2 distance of gradients; below 1e-6 keras-vis does not make them unit length, so that is the floor."""
    if case.kwargs.get("grad_modifier") in (*oracle.RECIPROCALS,):
        ours, recorded = 1 / ours, 1 / recorded
    return np.linalg.norm((ours - recorded).astype(np.float64)) / max(np.linalg.norm(recorded.astype(np.float64)), 1e-6)


@pytest.mark.parametrize("model_id", oracle.model_ids())
def test_a_recorded_network_puts_out_what_it_did(model_id):
    batch, recorded = oracle.check_pair(model_id)
    ours = oracle.model_of(model_id).predict_on_batch(batch)
    np.testing.assert_allclose(ours, recorded, rtol=0, atol=1e-6 * max(1, np.abs(recorded).max()))


@pytest.mark.parametrize("case", CASES)
def test_losses_and_gradients_at_recorded_inputs(case):
    captured = case.captured
    if not np.isfinite(case.overall_loss[-1]):
        captured = captured[:1]  # after its first step keras-vis went on with NaN
    names, evaluations = oracle.evaluate(case, [image for _, image, _ in captured])
    assert list(names) == case.loss_names
    for (i, _, grads), ours in zip(captured, evaluations, strict=True):
        assert relative(ours.losses[:-1], case["named_losses"][i]).max() < 1e-4
        assert relative(ours.losses[-1], case.overall_loss[i]) < 1e-4
        wrt = "wrt_0" if i == 0 else "wrt_last"
        if wrt in case:
            np.testing.assert_allclose(ours.wrt_value, case[wrt], rtol=1e-5, atol=1e-6 * np.abs(case[wrt]).max())
        if np.isfinite(grads).all():
            assert distance(case, oracle.modified(case, ours.grads), grads) < 1e-4
    if "raw_grad_0" in case and np.isfinite(case["raw_grad_0"]).all():
        recorded = case["raw_grad_0"]
        np.testing.assert_allclose(evaluations[0].grads, recorded, rtol=0, atol=3e-5 * np.abs(recorded).max())


@pytest.mark.filterwarnings("ignore:No gradient reached")  # of two, where keras-vis said nothing
@pytest.mark.parametrize(
    "case", [pytest.param(*case.values, id=case.id, marks=[pytest.mark.soak] * (case.id in ALIKE)) for case in CASES]
)
def test_the_whole_run(case):
    run = oracle.replay(case)
    assert run.records.numbers == list(range(case.n_iter))
    assert run.records.names == case.loss_names
    if case.sensitivity is None:
        return  # NaN after the first step: see test_a_degenerate_seed_gives_a_picture
    losses_agree(case, run)
    _, image, grads = case.captured[0]
    if case.wrt_is_input:
        np.testing.assert_array_equal(run.records.wrt[0], image)  # the noise too, where no seed_input was given
    assert distance(case, run.records.grads[0], grads) < 1e-4
    tolerance = 10 * case.sensitivity["best_input"] + 1e-3 + oracle.NOISIER.get(case.id, 0)
    np.testing.assert_allclose(run.best_input, case["best_input"], rtol=0, atol=tolerance)
    picture_agrees(case, run)


def losses_agree(case, run):
    """Each iteration's total, the more closely before keras-vis's own noise grows."""
    apart = relative(run.records.overall, case.overall_loss)
    # Where the terms cancel out, their own rounding is large beside the total.
    rounding = 4 * np.spacing(np.abs(case["named_losses"]).max(axis=1).astype(np.float32))
    apart -= rounding / (np.abs(case.overall_loss) + 1e-3)
    assert apart.max() < 10 * case.sensitivity["overall_rel"] + 1e-5
    noisy = case.sensitivity["first_iter_overall_rel_gt_1e-05"]
    assert apart[:noisy].max(initial=0) < 1e-4


def picture_agrees(case, run):
    """Type and values. Bytes that wrapped, in a range they cannot hold, are compared round the corner."""
    image, (low, high) = run.image, case.input_range
    bytes_kept = case.image_dtype == "uint8" and not oracle.departs(case, "range_0_1")
    recorded = case["image"] if bytes_kept else oracle.keras_vis_picture(case["best_input"], (low, high))
    tolerance = 10 * case.sensitivity["image"] + (1 if bytes_kept else 1e-4 * abs(high - low))
    # keras-vis's own noise in 0/1 bytes says nothing about the float picture, nor about its type.
    if oracle.departs(case, "range_0_1"):
        tolerance = 1e-3
        assert image.dtype == (np.float32 if case.seed_given else np.float64)
    else:
        assert image.dtype == case.image_dtype
    if bytes_kept and 0 <= low < high <= 255:
        cut = oracle.keras_vis_picture(run.best_input, (low, high)) - image
        assert -1e-3 < cut.min() <= cut.max() < 1 + 1e-3  # truncated, not rounded
    assert image.shape == recorded.shape
    apart = np.abs(image.astype(np.float64) - recorded)
    if bytes_kept and (low < 0 or high > 255):
        apart = np.minimum(apart, 256 - apart)
    assert apart.max() <= tolerance


# --- the departures: what differs, and that nothing else does ---------------------------------------------------------
# The two tests above replay the cases named here as well: around the departure, which the helpers tell.


def test_each_departure_is_shown_and_its_cases_exist():
    known = {case.id for case in oracle.all_cases()}
    assert known > ALIKE
    for departure in oracle.DEPARTURES.values():
        assert set(departure.cases) <= known
        assert any(name.startswith(f"test_departure_{departure.name}") for name in globals())


BACKPROP = [oracle.case_of(name) for name in oracle.DEPARTURES["backprop"].cases]


@pytest.mark.parametrize("case", BACKPROP, ids=lambda case: case.id)
def test_departure_backprop(case):
    """Asked as keras-vis was, the gates let other gradients pass: by the first step the picture is another one."""
    first = oracle.replay(case, as_recorded=True, max_iter=1)
    assert first.records.named[0] == pytest.approx(case["named_losses"][0], rel=1e-4, abs=1e-4)
    _, _, grads = case.captured[0]
    assert distance(case, first.records.grads[0], grads) > 0.1


@pytest.mark.parametrize("name", ["backprop_guided_rgb_conv_noreg", "backprop_rectified_rgb_conv_noreg"])
def test_departure_backprop_of_a_relu_target(name):
    """keras-vis's gate took all of its gradient, so that nothing moved. Now it moves; guided, the activation rises."""
    case = oracle.case_of(name)
    assert not case["raw_grad_0"].any()
    run = oracle.replay(case, as_recorded=True)
    assert run.records.grads[0].any()
    assert run.records.overall[0] == pytest.approx(case.overall_loss[-1], rel=1e-5)
    if case.kwargs["backprop_modifier"] == "guided":
        assert run.records.overall[-1] < run.records.overall[0]


@pytest.mark.parametrize("name", oracle.DEPARTURES["relu_like"].cases)
def test_departure_relu_like(name):
    """With the gates' sign as it was, but the LeakyReLU in their sight, other gradients pass."""
    case = oracle.case_of(name)
    model = oracle.model_of(case.model)
    assert any(type(layer).__name__ == "LeakyReLU" for layer in model.layers)
    negated = keras.Model(model.inputs, keras.layers.Rescaling(-1.0)(model.layers[case.layer_idx].output))
    kwargs = {**case.kwargs, "act_max_weight": -1, "max_iter": 1}
    records = oracle.Records()
    am.visualize_activation(negated, -1, seed_input=case["seed"], callbacks=[records], **kwargs)
    _, _, grads = case.captured[0]
    np.testing.assert_allclose(records.named[0], case["named_losses"][0], rtol=1e-4, atol=1e-4)
    assert distance(case, records.grads[0], grads) > 0.01


def test_departure_lpinf():
    """Of a picture from -200 to 50 the norm is 200. Of positive pictures it is the same: see losses_lpinf."""
    (name,) = oracle.DEPARTURES["lpinf"].cases
    case = oracle.case_of(name)
    first = oracle.replay(case, as_recorded=True, max_iter=1)
    seed, weight = case.seed_used, case.losses[0]["weight"]
    assert seed.min() < -seed.max() < 0
    assert first.records.overall[0] == pytest.approx(weight * -seed.min() / seed.size, rel=1e-6)
    assert case.overall_loss[0] == pytest.approx(weight * seed.max() / seed.size, rel=1e-6)
    assert oracle.case_of("losses_lpinf").seed_used.min() >= 0
    assert not oracle.departs(oracle.case_of("losses_lpinf"), "lpinf")


@pytest.mark.parametrize("name", oracle.DEPARTURES["jitter"].cases)
def test_departure_jitter(name):
    """The same offsets, rolled: what wraps round is another row, all else is the same, and no value is lost."""
    case = oracle.case_of(name)
    image = case.seed_used
    offsets = next(row for row in case["jitter_offsets"] if row.any())
    axes = range(1, image.ndim - 1)
    rolled, shifted = np.roll(image, offsets, axes), oracle.RecordedJitter([offsets]).pre(image)
    inside = np.ix_(*(_not_wrapped(size, offset) for size, offset in zip(image.shape[1:-1], offsets, strict=True)))
    np.testing.assert_array_equal(rolled[0][inside], shifted[0][inside])
    assert (rolled != shifted).any()
    (entry,) = case.input_modifiers
    jitter = Jitter(*([entry["jitter"]] if "jitter" in entry else []))
    np.testing.assert_array_equal(jitter.pixels(image.shape), entry["max_offset_per_dim"])
    np.testing.assert_array_equal(np.sort(jitter.pre(image), None), np.sort(image, None))


def _not_wrapped(size, offset):
    where = np.arange(size) - offset
    return (where >= 0) & (where < size)


def test_departure_degenerate_seed():
    """At a zero seed LPNorm's gradient is 0, so the first step is that without LPNorm; all pictures are finite."""
    (name,) = oracle.DEPARTURES["degenerate_seed"].cases
    case = oracle.case_of(name)
    assert np.isnan(case.captured[0][2]).all()
    assert not case["image"].any()
    run = oracle.replay(case)
    without = oracle.replay(case, lp_norm_weight=0, max_iter=1)
    np.testing.assert_array_equal(run.records.grads[0], without.records.grads[0])
    assert np.isfinite(run.records.overall).all()
    assert np.isfinite(run.inputs).all()
    assert len(np.unique(run.image)) > 10
    assert run.image.dtype == case.image_dtype


def test_departure_degenerate_seed_with_a_flat_patch():
    """TotalVariation with beta < 2: keras-vis's gradient was NaN everywhere. No recorded run."""
    case = oracle.case_of("losses_tv15_only")
    seed = case["seed"].copy()
    seed[:, 5:8, 5:8] = 100.0
    run = oracle.replay(case, seed_input=seed, max_iter=2)
    assert np.isfinite(run.records.grads).all()
    assert np.isfinite(run.inputs).all()


@pytest.mark.parametrize("name", oracle.DEPARTURES["range_0_1"].cases)
def test_departure_range_0_1(name):
    """keras-vis's bytes were 0, and 1 where the picture was exactly 1."""
    case = oracle.case_of(name)
    assert case.kwargs["input_range"] == [0, 1]
    assert case["image"].mean() < 0.01
    image = oracle.replay(case).image
    assert 0 <= image.min() < image.max() <= 1
    assert image.mean() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("name", "weight"),
    [
        ("weights_act0_rgb_conv", "act_max_weight"),
        ("weights_lp0_rgb_conv", "lp_norm_weight"),
        ("weights_tv0_rgb_conv", "tv_weight"),
    ],
)
def test_departure_none_weight(name, weight):
    case = oracle.case_of(name)
    assert case.kwargs[weight] == 0
    run = oracle.replay(case, **{weight: None})
    assert run.records.names == case.loss_names
    losses_agree(case, run)
    picture_agrees(case, run)


def test_departure_none_weight_among_losses():
    case = oracle.case_of("losses_two_layers")
    _, losses = oracle.call_of(case).args
    run = oracle.replay(case, losses=[(loss, weight or None) for loss, weight in losses], max_iter=2)
    assert run.records.names == case.loss_names
    np.testing.assert_allclose(run.records.named, case["named_losses"][:2], rtol=1e-4, atol=1e-4)


def test_departure_callers_lists(capsys):
    case = oracle.case_of("losses_two_layers")
    _, losses = oracle.call_of(case).args
    seed, callbacks, modifiers = case["seed"], [oracle.Records()], [oracle.Sees()]
    before = list(losses), list(callbacks), list(modifiers), seed.copy()
    for _ in range(2):
        am.visualize_activation_with_losses(
            oracle.model_of(case.model).inputs[0],
            losses,
            seed_input=seed,
            callbacks=callbacks,
            input_modifiers=modifiers,
            max_iter=1,
            verbose=True,
        )
    assert (losses, callbacks, modifiers) == before[:3]
    np.testing.assert_array_equal(seed, before[3])
    np.testing.assert_allclose(callbacks[0].overall, [case.overall_loss[0]] * 2, rtol=1e-5)
    assert capsys.readouterr().out.count("Iteration: 1,") == 2


def test_departure_transform_jitter():
    model, start = am.demo.apples(), am.demo.draw_apples(3, seed=0).astype(np.float32)

    def rolled(image):  # by how much, if by anything, some rows and columns came from elsewhere
        shifts = [(rows, columns) for rows in range(-4, 5) for columns in range(-4, 5)]
        return min(shifts, key=lambda shift: np.abs(np.roll(start, shift, (0, 1)) - image).mean())

    options = {"max_iter": 3, "learning_rate": 1e-3, "seed": 0}
    own = {"preset": "keras-vis", "start": start, "transforms": [transforms.Jitter(4)]}
    stays = am.visualize(model, "evidence", 0, **own, **options).image
    np.testing.assert_allclose(stays, start, atol=0.1)
    wanders = am.visualize_activation(
        model, "evidence", 0, seed_input=start, input_modifiers=[Jitter(4)], clip=True, **options
    )
    assert rolled(stays) == (0, 0) != rolled(wanders)


@pytest.mark.parametrize("jitter", [(0.01, 0.01), [0.01, 0.01], np.array([0.01, 0.01])], ids=["tuple", "list", "array"])
def test_departure_jitter_sequence(jitter):
    """One fraction for each dimension, so small that it is no pixel: as recorded with a single one."""
    case = oracle.case_of("jitter_zero")
    run = oracle.replay(case, modifiers=[Jitter(jitter)])
    losses_agree(case, run)
    picture_agrees(case, run)


def test_departure_jitter_sequence_moves_each_dimension_by_its_own_number():
    image = np.arange(48.0).reshape(1, 6, 8, 1)
    np.testing.assert_array_equal(Jitter([0.5, 2]).pixels(image.shape), [3, 2])
    moved = [Jitter((0, 3)).pre(image)[0, :, :, 0] for _ in range(20)]
    assert all((picture // 8 == np.arange(6)[:, None]).all() for picture in moved)
    assert len({picture.tobytes() for picture in moved}) > 1


@pytest.mark.parametrize(
    ("name", "filters"),
    [
        ("dense_two_linear", (4, 8)),
        ("dense_two_linear", range(4, 9, 4)),
        ("dense_two_linear", np.array([4, 8])),
        ("filters_all_rgb_conv", range(12)),
    ],
    ids=["tuple", "range", "array", "range of all"],
)
def test_departure_filter_sequences(name, filters):
    case = oracle.case_of(name)
    assert list(filters) == case.kwargs["filter_indices"]
    run = oracle.replay(case, filter_indices=filters)
    losses_agree(case, run)
    picture_agrees(case, run)


def test_departure_loss_shape():
    """Each picture's own value; together they are keras-vis's: seed_batch2 is replayed with them."""
    case = oracle.case_of("seed_batch2")
    model, pictures = oracle.model_of(case.model), case["seed"]
    inputs = model.inputs[0]
    for loss in (ActivationMaximization(model.layers[-1], 1), LPNorm(inputs), TotalVariation(inputs)):
        values = keras.Model(inputs, loss.build_loss())(pictures)
        alone = [keras.Model(inputs, loss.build_loss())(pictures[[position]])[0] for position in (0, 1)]
        assert values.shape == (2,)
        np.testing.assert_allclose(values, alone, rtol=1e-4)
        recorded = case["named_losses"][0][case.loss_names.index(loss.name)]
        weight = 1 if isinstance(loss, ActivationMaximization) else 10
        assert weight * float(loss.joint(values)) == pytest.approx(recorded, rel=1e-4)


# --- bad arguments: every row of the recording's notes, section 10 ----------------------------------------------------


@pytest.fixture(scope="module")
def ask():
    """Ask for a picture with something wrong, of small networks."""
    return Ask()


class Ask:
    """``ask(layer_idx=99)``: a call in which only this is wrong; its attributes are the models."""

    def __init__(self):
        self.grey, self.colour = small_cnn(), small_cnn(3)
        one, two = keras.Input((4,), name="one"), keras.Input((4,), name="two")
        self.two_inputs = keras.Model([one, two], keras.layers.Dense(2, name="out")(one + two))
        anything = keras.Input((None, None, 3))
        self.any_size = keras.Model(anything, keras.layers.Conv2D(5, 3, name="out")(anything))
        vector = keras.Input((12,))
        self.vector = keras.Model(vector, keras.layers.Dense(5, name="out")(vector))
        twice = keras.Input((12, 12, 1))
        conv = keras.layers.Conv2D(1, 3, name="out")
        self.twice = keras.Model(twice, conv(conv(twice)))
        outer = keras.Input((12, 12, 1))
        self.nested = keras.Model(outer, self.grey(outer))

    def __call__(self, model="grey", layer_idx="out", **kwargs):
        model = getattr(self, model) if isinstance(model, str) else model
        return am.visualize_activation(model, layer_idx, **{"filter_indices": 1, "max_iter": 1, **kwargs})

    def losses(self, losses, **kwargs):
        return am.visualize_activation_with_losses(self.grey.inputs[0], losses, max_iter=1, **kwargs)


NO_LOSS = {"act_max_weight": 0, "lp_norm_weight": 0, "tv_weight": 0}
NO_PENALTY = {"lp_norm_weight": 0, "tv_weight": 0}

BAD = {
    "layer index 99": ("layer_idx", lambda ask: ask(layer_idx=99)),
    "layer None": ("layer_idx", lambda ask: ask(layer_idx=None)),
    "layer of another name": ("layer", lambda ask: ask(layer_idx="preds")),
    "layer 2.0": ("layer_idx", lambda ask: ask(layer_idx=2.0)),
    "filter too high": ("filter_indices", lambda ask: ask(filter_indices=5)),
    "filter too low": ("filter_indices", lambda ask: ask(filter_indices=-6)),
    "filter of a conv too high": ("filter_indices", lambda ask: ask(layer_idx="conv1", filter_indices=99)),
    "filter 1.0": ("filter_indices", lambda ask: ask(filter_indices=1.0)),
    "filter '1'": ("filter_indices", lambda ask: ask(filter_indices="1")),
    "filters nested": ("filter_indices", lambda ask: ask(filter_indices=[[0, 1]])),
    "filters empty": ("filter_indices", lambda ask: ask(filter_indices=[])),
    "filters empty, no penalties": ("filter_indices", lambda ask: ask(filter_indices=[], **NO_PENALTY)),
    "grad_modifier unknown": ("grad_modifier", lambda ask: ask(grad_modifier="nope")),
    "grad_modifier 3": ("grad_modifier", lambda ask: ask(grad_modifier=3)),
    "grad_modifier False": ("grad_modifier", lambda ask: ask(grad_modifier=False)),
    "grad_modifier list": ("grad_modifier", lambda ask: ask(grad_modifier=["negate"])),
    "grad_modifier a module's name": ("grad_modifier", lambda ask: ask(grad_modifier="np")),
    "backprop_modifier unknown": ("backprop_modifier", lambda ask: ask(backprop_modifier="nope")),
    "backprop_modifier 3": ("backprop_modifier", lambda ask: ask(backprop_modifier=3)),
    "backprop_modifier False": ("backprop_modifier", lambda ask: ask(backprop_modifier=False)),
    "backprop_modifier list": ("backprop_modifier", lambda ask: ask(backprop_modifier=["guided"])),
    "backprop_modifier 'get'": ("backprop_modifier", lambda ask: ask(backprop_modifier="get")),
    "seed of another size": ("seed_input", lambda ask: ask(seed_input=np.zeros((10, 10, 1)))),
    "seed without channels": ("seed_input", lambda ask: ask(seed_input=np.zeros((12, 12)))),
    "seed with 3 channels for 1": ("seed_input", lambda ask: ask(seed_input=np.zeros((12, 12, 3)))),
    "seed channels first": ("seed_input", lambda ask: ask("colour", seed_input=np.zeros((3, 12, 12)))),
    "seed with 1 channel for 3": ("seed_input", lambda ask: ask("colour", seed_input=np.zeros((1, 12, 12, 1)))),
    "seed a list": ("seed_input", lambda ask: ask(seed_input=[1, 2, 3])),
    "seed 0": ("seed_input", lambda ask: ask(seed_input=0)),
    "range None": ("input_range", lambda ask: ask(input_range=None)),
    "range None, with a seed": ("input_range", lambda ask: ask(input_range=None, seed_input=np.ones((12, 12, 1)))),
    "range of one": ("input_range", lambda ask: ask(input_range=(0,))),
    "range without extent": ("input_range", lambda ask: ask(input_range=(0.0, 0.0))),
    "act_max_weight '1'": ("act_max_weight", lambda ask: ask(act_max_weight="1")),
    "act_max_weight NaN": ("act_max_weight", lambda ask: ask(act_max_weight=float("nan"))),
    "lp_norm_weight '1'": ("lp_norm_weight", lambda ask: ask(lp_norm_weight="1")),
    "lp_norm_weight NaN": ("lp_norm_weight", lambda ask: ask(lp_norm_weight=float("nan"))),
    "tv_weight '1'": ("tv_weight", lambda ask: ask(tv_weight="1")),
    "tv_weight NaN": ("tv_weight", lambda ask: ask(tv_weight=float("nan"))),
    "all weights 0": ("losses", lambda ask: ask(**NO_LOSS)),
    "no losses": ("losses", lambda ask: ask.losses([])),
    "a loss without weight": ("losses", lambda ask: ask.losses([LPNorm(ask.grey.inputs[0])])),
    "max_iter 0": ("max_iter", lambda ask: ask(max_iter=0)),
    "max_iter -1": ("max_iter", lambda ask: ask(max_iter=-1)),
    "max_iter 2.0": ("max_iter", lambda ask: ask(max_iter=2.0)),
    "max_iter None": ("max_iter", lambda ask: ask(max_iter=None)),
    "unknown keyword": ("foo", lambda ask: ask(foo=1)),
    "unknown keyword of losses": ("foo", lambda ask: ask.losses([(LPNorm(ask.grey.inputs[0]), 1)], foo=1)),
    "norm_grads": ("norm_grads", lambda ask: ask(norm_grads=False)),
    "backprop_modifier of losses": (
        "backprop_modifier",
        lambda ask: ask.losses([(LPNorm(ask.grey.inputs[0]), 1)], backprop_modifier="guided"),
    ),
    "one input modifier, no list": ("input_modifiers", lambda ask: ask(input_modifiers=Jitter())),
    "model None": ("model", lambda ask: ask(None)),
    "two inputs": ("held_inputs", lambda ask: ask("two_inputs")),
    "input of any size": ("model", lambda ask: ask("any_size")),
    "LPNorm p < 1": ("p", lambda ask: LPNorm(ask.grey.inputs[0], 0.5)),
    "layer of another name, by find_layer_idx": ("layer", lambda ask: utils.find_layer_idx(ask.grey, "nope")),
    "no images to stitch": ("images", lambda ask: utils.stitch_images([])),
    "overlay alpha 1.5": ("alpha", lambda ask: utils.overlay(np.zeros((2, 2)), np.zeros((2, 2)), alpha=1.5)),
    "overlay of two shapes": ("array2", lambda ask: utils.overlay(np.zeros((2, 2)), np.zeros((3, 3)))),
    # Section 9's.
    "one callback, no list": ("callbacks", lambda ask: ask(callbacks=oracle.Records())),
}

GOOD = {
    "layer index -2": lambda ask: ask(layer_idx=-2),
    "layer name": lambda ask: ask(layer_idx="conv1"),
    "filter np.int64": lambda ask: ask(filter_indices=np.int64(1)),
    "filters tuple": lambda ask: ask(filter_indices=(0, 1)),
    "filters array": lambda ask: ask(filter_indices=np.array([0, 1])),
    "filters range": lambda ask: ask(filter_indices=range(2)),
    "input of any size, no penalties": lambda ask: ask("any_size", seed_input=np.ones((9, 9, 3)), **NO_PENALTY),
    "vector input, no total variation": lambda ask: ask("vector", tv_weight=0),
    # What keras-vis refused and need not be.
    "input of any size with penalties": lambda ask: ask("any_size", seed_input=np.ones((9, 9, 3))),
    "vector input": lambda ask: ask("vector"),
    "layer used twice": lambda ask: ask("twice", filter_indices=0),
    "nested model": lambda ask: ask("nested", layer_idx="small"),
    "bytes to deprocess": lambda ask: utils.deprocess_input(np.arange(12, dtype=np.uint8)),
    "two-dimensional images to stitch": lambda ask: utils.stitch_images([np.ones((4, 4)), np.zeros((4, 4))]),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_argument_is_refused_before_computing(ask, monkeypatch, name):
    argument, call = BAD[name]

    def computed(*args, **kwargs):
        pytest.fail("something was computed")

    monkeypatch.setattr(Step, "run", computed)
    with pytest.raises((ValueError, TypeError), match=rf"^{argument}: expected .+, received .+ \(\w+\)"):
        call(ask)


@pytest.mark.parametrize("name", GOOD)
def test_what_worked_works(ask, name):
    assert np.isfinite(GOOD[name](ask)).all()
