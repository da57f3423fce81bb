import numpy as np
import pytest
from PIL import Image

from actmax_widget import utils
from actmax_widget.callbacks import GifGenerator, OptimizerCallback, Print
from actmax_widget.visualization import visualize_activation
from tests import networks
from tests.networks import channels_first


def test_print_is_in_the_format_of_keras_vis(capsys):
    named = [("ActivationMax Loss", np.float32(-0.011)), ("TV(2.0) Loss", np.float32(6130.523))]
    Print().callback(0, named, np.float32(6130.512), None, None)
    printed = capsys.readouterr().out
    assert printed.startswith(
        "Iteration: 1, named_losses: [('ActivationMax Loss', -0.011), ('TV(2.0) Loss', 6130.523)], "
    )
    assert printed.endswith("overall loss: 6130.51220703125\n")


def test_the_base_class_asks_to_be_overridden():
    with pytest.raises(NotImplementedError):
        OptimizerCallback().callback(0, [], 0.0, None, None)
    OptimizerCallback().on_end()


# --- GifGenerator ----------------------------------------------------------------------------------------------------


def show(generator, i, value):
    generator.callback(i, [], np.float32(0), None, value)


def frames(path):
    """The frames of an animation as arrays, (height, width, 3)."""
    with Image.open(path) as file:
        assert file.format == "GIF"
        found = []
        for index in range(file.n_frames):
            file.seek(index)
            assert file.info["duration"] == 100
            found.append(np.asarray(file.convert("RGB")))
        assert "loop" not in file.info  # played once
        return found


def noise(channels, seed=0, size=(40, 90)):
    return np.random.default_rng(seed).normal(100, 30, (1, *size, channels)).astype("float32")


def expected(value, step):
    picture = np.asarray(utils.deprocess_input(value[0]), np.uint8)
    return utils.draw_text(np.repeat(picture, 3 // picture.shape[-1], -1), f"Step {step}")


def test_grey_frames_are_the_deprocessed_pictures_with_their_number(tmp_path):
    generator = GifGenerator(str(tmp_path / "run"))
    values = [noise(1, seed) for seed in range(12)]
    for i, value in enumerate(values):
        show(generator, i, value)
        assert len(frames(tmp_path / "run.gif")) == i + 1  # whole at any time
    generator.on_end()
    for i, (frame, value) in enumerate(zip(frames(tmp_path / "run.gif"), values, strict=True)):
        np.testing.assert_array_equal(frame, expected(value, i + 1))


def test_color_frames_are_as_close_as_256_colors_allow(tmp_path):
    generator = GifGenerator(tmp_path / "run.gif")
    for i in range(2):
        show(generator, i, noise(3, i))
    for i, frame in enumerate(frames(tmp_path / "run.gif")):
        difference = np.abs(frame.astype(int) - expected(noise(3, i), i + 1))
        assert difference.mean() < 8  # a wrong palette: over 30
    assert [path.name for path in tmp_path.iterdir()] == ["run.gif"]


def test_frames_of_few_colors_are_exact(tmp_path):
    """Each frame has its own palette."""
    generator = GifGenerator(tmp_path / "run.gif")
    values = [np.zeros((1, 8, 9, 3)) for _ in range(2)]
    values[0][..., :4, 0] = values[1][..., 4:, 2] = 1
    for i, value in enumerate(values):
        show(generator, i, value)
    for frame, value in zip(frames(tmp_path / "run.gif"), values, strict=True):
        np.testing.assert_array_equal(frame, utils.deprocess_input(value[0]).astype(np.uint8))


@pytest.mark.parametrize("channels", [2, 4, 7])
def test_other_channels_are_shown_as_their_mean(tmp_path, channels):
    generator = GifGenerator(tmp_path / "run.gif")
    value = noise(channels)
    show(generator, 0, value)
    np.testing.assert_array_equal(frames(tmp_path / "run.gif")[0], expected(value.mean(-1, keepdims=True), 1))


@pytest.mark.parametrize("input_range", [(0, 1), (0.0, 1.0), (-1, 1), (-128, 127), [0, 255], None])
def test_every_range_shows_the_same_picture(tmp_path, input_range):
    value = noise(1)
    generator = GifGenerator(tmp_path / "run.gif", input_range)
    show(generator, 0, value / 255)
    difference = np.abs(frames(tmp_path / "run.gif")[0].astype(int) - expected(value, 1))
    assert difference.max() <= 1  # float noise before it is truncated


def test_a_new_run_starts_the_file_anew(tmp_path):
    generator = GifGenerator(tmp_path / "run.gif")
    for i in (0, 1, 2):
        show(generator, i, noise(1))
    show(generator, 0, noise(1))  # the run before was interrupted
    assert len(frames(tmp_path / "run.gif")) == 1
    generator.on_end()
    show(generator, 5, noise(1))
    assert len(frames(tmp_path / "run.gif")) == 1
    generator.on_end()


def test_channels_first_and_nan(tmp_path):
    with channels_first():
        generator = GifGenerator(tmp_path / "run.gif")
        show(generator, 0, np.moveaxis(noise(1), -1, 1))
        show(generator, 1, np.full((1, 1, 40, 90), np.nan))
    first, second = frames(tmp_path / "run.gif")
    np.testing.assert_array_equal(first, expected(noise(1), 1))
    assert not second.any()


@pytest.mark.parametrize(
    ("path", "input_range", "kind", "name"),
    [
        (3, (0, 255), TypeError, "path"),
        ("no/such/folder/run.gif", (0, 255), ValueError, "path"),
        ("run.gif", 3, TypeError, "input_range"),
        ("run.gif", (0,), ValueError, "input_range"),
    ],
)
def test_bad_arguments_are_refused_before_the_run(path, input_range, kind, name):
    with pytest.raises(kind, match=rf"^{name}: expected .*received"):
        GifGenerator(path, input_range)


def test_an_input_that_is_no_picture_is_refused(tmp_path):
    with pytest.raises(ValueError, match="wrt_value: expected a picture"):
        show(GifGenerator(tmp_path / "run.gif"), 0, np.zeros((1, 12)))
    assert not list(tmp_path.iterdir())


def test_a_run_is_recorded(tmp_path):
    path = tmp_path / "three.gif"
    visualize_activation(networks.small_cnn(), "out", 3, max_iter=4, callbacks=[GifGenerator(path)])
    recorded = frames(path)
    assert len(recorded) == 4
    assert recorded[0].shape == (12, 12, 3)
    assert np.abs(recorded[0].astype(int) - recorded[3]).max() > 0
