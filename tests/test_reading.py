"""Starting pictures by every way in: shown as an image viewer shows them, fitted, and what was done is told."""

import contextlib
import io
import struct
import zlib

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image, ImageCms, ImageDraw

import actmax_widget as am
from actmax_widget.network.inputs import size_of
from actmax_widget.network.layout import Layout
from actmax_widget.network.starting import start_of
from actmax_widget.reading import read, shape_of
from tests.networks import small_cnn

SIDE = 12
RAMP = np.linspace(0, 1, 24)[None, :].repeat(24, 0)
GREY_RAMP = Image.fromarray(np.rint(RAMP * 255).astype(np.uint8))
INVERTED = {262: 0}  # a TIFF in which 0 is white


@pytest.fixture(scope="module")
def color_model():
    return small_cnn(3)


def started(model, seed_input, **options):
    """The picture that a function's first step sees."""
    options = {"max_iter": 1, "clip": True, "seed_input": seed_input} | options
    return am.visualize_activation(model, "out", 0, **options)


def saved(image, folder, name, **options):
    path = folder / name
    image.save(path, **options)
    return path


def png_of_16_bits(channels):
    """The ramp as a PNG of 16 bits: grey, grey and opacity, RGB or RGBA. Pillow writes the first kind only."""
    values = np.rint(RAMP * 65535)[..., None].repeat(channels, -1)
    values[..., channels - 1 :] = 65535 if channels in {2, 4} else values[..., channels - 1 :]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    kind = {1: 0, 3: 2, 2: 4, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", 24, 24, 16, kind, 0, 0, 0)
    return Image.open(io.BytesIO(png(header, rows)))


def png(header, rows):
    """The bytes of a PNG file."""
    file = b"\x89PNG\r\n\x1a\n"
    for name, data in ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
        file += struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return file


def with_palette():
    picture = Image.fromarray(255 - np.rint(RAMP * 255).astype(np.uint8)).convert("P")
    picture.putpalette([value for index in range(256) for value in [255 - index] * 3])
    return picture


def deep(dtype, top, mode=None):
    values = np.rint(RAMP * top).astype(dtype)
    return Image.fromarray(values) if mode is None else Image.frombytes(mode, (24, 24), values.tobytes())


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
LAB = ImageCms.profileToProfile(
    GREY_RAMP.convert("RGB"), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
)
RAMPS = {
    "16 bits PNG": ("a.png", lambda: deep(np.uint16, 65535), {}),
    "16 bits TIFF": ("a.tif", lambda: deep(np.uint16, 65535), {}),
    "16 bits TIFF, big endian": ("a.tif", lambda: deep(">u2", 65535, "I;16B"), {}),
    "16 bits TIFF, 0 is white": ("a.tif", lambda: deep(np.uint16, 65535).point(lambda v: v * -1 + 65535), INVERTED),
    "16 bits PGM": ("a.pgm", lambda: deep(np.uint16, 65535), {}),
    "float TIFF": ("a.tif", lambda: Image.fromarray(RAMP.astype("f4")), {}),
    "RGB": ("a.png", lambda: GREY_RAMP.convert("RGB"), {}),
    "RGBA": ("a.png", lambda: GREY_RAMP.convert("RGBA"), {}),
    "LA": ("a.png", lambda: GREY_RAMP.convert("LA"), {}),
    "palette": ("a.png", with_palette, {}),
    "palette, GIF": ("a.gif", with_palette, {}),
    "CMYK JPEG": ("a.jpg", lambda: GREY_RAMP.convert("CMYK"), {"quality": 95}),
    "CMYK TIFF": ("a.tif", lambda: GREY_RAMP.convert("CMYK"), {}),
    "YCbCr JPEG": ("a.jpg", lambda: GREY_RAMP.convert("YCbCr"), {"quality": 95}),
    "LAB TIFF": ("a.tif", lambda: LAB, {}),
    "WebP": ("a.webp", lambda: GREY_RAMP.convert("RGB"), {"lossless": True}),
    "a profile": ("a.png", lambda: GREY_RAMP.convert("RGB"), {"icc_profile": SRGB}),
    "a profile of other colors": ("a.tif", lambda: GREY_RAMP.convert("CMYK"), {"icc_profile": SRGB}),
    "a profile that is damaged": ("a.png", lambda: GREY_RAMP.convert("RGB"), {"icc_profile": b"no profile"}),
}


@pytest.mark.parametrize("kind", RAMPS)
def test_a_ramp_is_the_same_from_every_kind_of_file(model, tmp_path, kind):
    name, make, options = RAMPS[kind]
    tiff = {"tiffinfo": options} if options is INVERTED else options
    path = saved(make(), tmp_path, name, **tiff)
    plain = started(model, saved(GREY_RAMP, tmp_path, "8.png"))
    assert np.ptp(plain) > 230
    np.testing.assert_allclose(started(model, path), plain, atol=3)
    with Image.open(path) as image:
        np.testing.assert_allclose(started(model, image), plain, atol=3)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_png_of_16_bits_with_more_channels(model, channels):
    np.testing.assert_allclose(started(model, png_of_16_bits(channels)), started(model, GREY_RAMP), atol=3)


@pytest.mark.parametrize("mode", ["1", "I", "I;16", "F", "HSV", "La", "RGBa", "RGBX", "PA"])
def test_an_image_of_any_mode_that_pillow_has(model, mode):
    values = np.zeros((24, 24), np.uint8)
    values[:, 12:] = 255
    plain = Image.fromarray(values)
    steps = {"La": ("LA",), "PA": ("P",), "RGBa": ("RGBA",), "HSV": ("RGB",), "RGBX": ("RGB",)}.get(mode, ())
    image = plain
    for one in (*steps, mode):
        image = image.convert(one)
    if mode == "I;16":
        image = Image.fromarray(values.astype(np.uint16) * 257)
    context = pytest.warns(UserWarning, match="black") if mode in {"I", "F"} else contextlib.nullcontext()
    with context:
        np.testing.assert_allclose(started(model, image), started(model, plain), atol=3)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (RAMP * 200, r"0 to 200, were taken as 0 \(black\) to 255 \(white\)"),
        (RAMP * 4000, r"taken as 0 \(black\) to 65535 \(white\)"),
        (RAMP * 4 - 3, r"-3 to 1, were taken as -3 \(black\) to 1 \(white\)"),
    ],
)
def test_a_float_picture_that_does_not_tell_its_white_says_what_was_taken(model, tmp_path, values, told):
    path = saved(Image.fromarray(values.astype("f4")), tmp_path, "deep.tif")
    with pytest.warns(UserWarning, match=f"deep.tif .*{told}"):
        picture = started(model, path)
    assert picture.min() >= 0
    assert picture.max() <= 255


# --- the way up
# ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_stands_upright(model, tmp_path, orientation):
    upright = np.zeros((24, 24), np.uint8)
    upright[:12, :12], upright[:12, 12:] = 255, 128  # the corners tell all eight apart
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: np.rot90(upright, 1),
        7: np.rot90(upright, 2).T,
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(Image.fromarray(np.ascontiguousarray(stored)), tmp_path, "photo.png", exif=exif)
    np.testing.assert_allclose(started(model, path), started(model, Image.fromarray(upright)), atol=1)


def test_the_size_of_a_photograph_is_the_upright_one(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(Image.new("L", (30, 20)), tmp_path, "photo.jpg", exif=exif)
    assert shape_of(path) == (30, 20)
    assert shape_of(np.zeros((4, 5, 3))) == (4, 5, 3)


def test_damaged_exif_data_are_ignored(model):
    image = GREY_RAMP.copy()
    image.info["exif"] = b"Exif\0\0no such thing"
    np.testing.assert_allclose(started(model, image), started(model, GREY_RAMP))


def test_the_first_frame_of_an_animation(model, tmp_path):
    frames = [Image.new("L", (24, 24), shade) for shade in (200, 10, 90)]
    path = saved(frames[0], tmp_path, "moves.gif", save_all=True, append_images=frames[1:])
    np.testing.assert_allclose(started(model, path), 200)


# --- transparency
# --------------------------------------------------------------------------------------------------------------


def logo(mode):
    """A black square on transparent ground."""
    image = Image.new("RGBA", (24, 24), (0, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((8, 8, 15, 15), (0, 0, 0, 255))
    if mode == "P":
        indexed = Image.new("P", (24, 24), 1)
        indexed.putpalette([0] * 768)
        ImageDraw.Draw(indexed).rectangle((8, 8, 15, 15), 2)
        indexed.info["transparency"] = 1
        return indexed
    return image.convert({"La": "LA", "PA": "RGBA"}.get(mode, mode)).convert(mode) if mode != "PA" else _with_alpha()


def _with_alpha():
    image = Image.new("PA", (24, 24))
    image.putpalette([0] * 768)
    alpha = Image.new("L", (24, 24))
    ImageDraw.Draw(alpha).rectangle((8, 8, 15, 15), 255)
    image.putalpha(alpha)
    return image


@pytest.mark.parametrize("mode", ["RGBA", "RGBa", "LA", "La", "P", "PA"])
@pytest.mark.parametrize("input_range", [(0, 255), (-1.0, 1.0)])
def test_transparent_parts_are_the_middle_of_the_range(model, mode, input_range):
    picture = started(model, logo(mode), input_range=input_range)
    low, high = input_range
    np.testing.assert_allclose(picture[0], (low + high) / 2, rtol=1e-6)
    np.testing.assert_allclose(picture[5:7, 5:7], low, atol=(high - low) * 0.02)


@pytest.mark.parametrize("depth", [8, 16])
def test_one_shade_may_be_transparent(model, tmp_path, depth):
    image = Image.fromarray(np.zeros((24, 24), np.uint8 if depth == 8 else np.uint16))
    path = saved(image, tmp_path, "grey.png", transparency=0)
    np.testing.assert_allclose(started(model, path), 127.5)


# --- the model's channels and range
# --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3, 4, 7])
@pytest.mark.parametrize("shade", [0, 100, 255])
def test_a_grey_picture_is_grey_in_any_number_of_channels(channels, shade):
    model = small_cnn(channels)
    for mode in ("L", "RGB"):
        picture = started(model, Image.new("L", (30, 30), shade).convert(mode))
        assert picture.shape == (SIDE, SIDE, channels)
        np.testing.assert_allclose(picture, shade, rtol=1e-6)


def test_colors_stay_in_their_order_and_become_grey_for_one_channel(model, color_model):
    orange = Image.new("RGB", (30, 30), (255, 100, 20))
    np.testing.assert_allclose(started(color_model, orange)[5, 5], (255, 100, 20), rtol=1e-6)
    np.testing.assert_allclose(started(model, orange), 0.299 * 255 + 0.587 * 100 + 0.114 * 20, rtol=1e-5)


@pytest.mark.parametrize("input_range", [(0, 1), (-1.0, 1.0), (-124.0, 151.0)])
def test_black_and_white_are_the_ends_of_the_range(model, input_range):
    for shade, end in ((0, 0), (255, 1)):
        picture = started(model, Image.new("L", (30, 30), shade), input_range=input_range)
        np.testing.assert_allclose(picture, input_range[end], rtol=1e-6)


@pytest.mark.usefixtures("channels_first")
def test_a_model_with_its_channels_first():
    inputs = keras.Input((3, SIDE, SIDE))
    model = keras.Model(inputs, layers.Dense(5, name="out")(layers.Flatten()(inputs)))
    picture = started(model, Image.new("RGB", (30, 30), (255, 100, 20)))
    np.testing.assert_allclose(picture[3, 4], (255, 100, 20), rtol=1e-6)


def test_an_input_without_channels():
    inputs = keras.Input((SIDE, SIDE))
    model = keras.Model(inputs, layers.Dense(5, name="out")(layers.Flatten()(inputs)))
    assert started(model, GREY_RAMP).shape == (SIDE, SIDE)


@pytest.mark.parametrize("shape", [(24,), (4, 4, 4, 1)])
def test_an_input_that_is_no_picture_takes_none(shape):
    inputs = keras.Input(shape)
    model = keras.Model(inputs, layers.Dense(5, name="out")(layers.Flatten()(inputs)))
    with pytest.raises(ValueError, match=r"^seed_input: expected an array of shape .* not a picture"):
        started(model, GREY_RAMP)


def test_an_open_size_is_the_pictures(tmp_path):
    model = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(2, 3, name="out")])
    path = saved(Image.new("L", (40, 20), 9), tmp_path, "wide.png")
    for source in (path, str(path), Image.new("L", (40, 20), 9)):
        picture = started(model, source)
        assert picture.shape == (20, 40, 3)
        np.testing.assert_allclose(picture, 9, rtol=1e-6)
    with contextlib.closing(am.ActMaxWidget(model, preset="keras-vis", seed_input=path)) as widget:
        np.testing.assert_array_equal(widget.image, np.full((20, 40, 3), 9))


@pytest.mark.parametrize(
    ("shape", "channels", "size"),
    [
        ((3, None, None), 1, (3, 20, 40)),
        ((None, None, None), 3, (20, 40, 3)),
        ((None, 50, 1), 3, (20, 50, 1)),
        ((None, None), None, (20, 40)),
        ((None, 3), 2, None),
    ],
)
def test_an_open_size_in_any_order(shape, channels, size):
    assert size_of(shape, Layout(len(shape) + 1, channels), None, Image.new("L", (40, 20))) == size


# --- another aspect
# ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def wide():
    """Grey, with a white square in its middle."""
    image = Image.new("L", (640, 64), 100)
    image.paste(255, (288, 0, 352, 64))
    image.filename = "/somewhere/wide.png"
    return image


def test_another_aspect_is_cropped_to_the_middle_and_that_is_said(model, wide):
    told = r"seed_input: wide.png was cropped from 640 × 64 to the middle 64 × 64. Pass seed_fit=.pad. or .stretch."
    with pytest.warns(UserWarning, match=told) as warned:
        picture = started(model, wide)
    np.testing.assert_allclose(picture, 255)
    assert warned[0].filename == __file__  # it points at whoever called
    with pytest.warns(UserWarning, match="cropped from 64 × 640 to the middle 64 × 64"):
        np.testing.assert_allclose(started(model, wide.transpose(Image.Transpose.TRANSPOSE)), 255)


def test_padding_and_stretching_keep_all_of_it_and_need_no_word(model, wide):
    padded = started(model, wide, seed_fit="pad", input_range=(0.0, 1.0))
    np.testing.assert_allclose(padded[[0, 4, 6, 11]], 0.5)
    assert padded[5, 0] == pytest.approx(100 / 255, abs=0.02)
    stretched = started(model, wide, seed_fit="stretch")
    np.testing.assert_allclose(stretched[:, :4], 100, atol=3)
    assert (stretched[:, 5:7] > 150).all()
    np.testing.assert_allclose(stretched.std(axis=0), 0, atol=1e-4)


def test_every_function_takes_a_picture_and_a_fit(model, wide, tmp_path):
    path = saved(wide, tmp_path, "wide.png")
    wanted = started(model, wide, seed_fit="pad")
    options = {"seed_input": path, "seed_fit": "pad", "max_iter": 1, "clip": True}
    for picture in am.visualize_layer(model, "out", [0, 1], progress=False, **options).images:
        np.testing.assert_allclose(picture, wanted)
    with pytest.warns(UserWarning, match="wide.png was cropped") as warned:
        am.visualize_layer(model, "out", 0, progress=False, **options | {"seed_fit": "crop"})
    assert warned[0].filename == __file__


@pytest.mark.parametrize(("fit", "error"), [("cover", ValueError), (None, TypeError), (1, TypeError)])
def test_another_fit_is_refused(model, fit, error):
    with pytest.raises(error, match=r"^seed_fit: expected one of crop, pad, stretch, received"):
        started(model, GREY_RAMP, seed_fit=fit)
    with pytest.raises(error, match=r"^seed_fit: expected one of crop, pad, stretch, received"):
        am.visualize_layer(model, "out", 0, seed_fit=fit, progress=False)


@pytest.mark.parametrize("size", [(1, 1), (5000, 1), (1, 5000), (3, 2), (13, 12)])
@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.filterwarnings("ignore:seed_input")
def test_any_size_comes_in_without_overshooting(model, size, fit):
    noise = np.random.default_rng(0).integers(0, 2, size[::-1]) * 255
    for image in (Image.fromarray(noise.astype(np.uint8)), Image.fromarray((noise / 255).astype("f4"))):
        picture = started(model, image, seed_fit=fit, input_range=(0.0, 1.0))
        assert picture.shape == (SIDE, SIDE, 1)
        assert 0 <= picture.min() <= picture.max() <= 1


def test_fine_patterns_become_grey_when_they_shrink(model):
    checked = np.indices((480, 480)).sum(0) % 2 * 255
    np.testing.assert_allclose(started(model, Image.fromarray(checked.astype(np.uint8))), 127.5, atol=2)


def test_of_a_photograph_no_more_is_kept_than_another_fit_needs(model):
    photograph = Image.effect_noise((2000, 1000), 60)
    photograph.paste(255, (500, 0, 1500, 1000))
    kept = start_of(model.inputs[0], photograph, (0, 255)).source
    assert kept.size == (2000, 1000)
    assert kept.image.width * kept.image.height < 50 * SIDE**2
    for fit in ("crop", "pad", "stretch"):
        anew = start_of(model.inputs[0], kept, (0, 255), fit)
        first = start_of(model.inputs[0], photograph, (0, 255), fit)
        np.testing.assert_array_equal(anew.array, first.array)
        assert anew.notes == first.notes
        assert "2000 × 1000" in anew.said()


# --- arrays
# --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.uint8, bool])
def test_an_array_of_the_inputs_shape_is_taken_as_it_is(model, dtype):
    top = 0 if dtype is bool else 255
    start = np.random.default_rng(0).uniform(0, top, (SIDE, SIDE, 1)).astype(dtype)
    before = start.copy()
    for given in (start, start[None], start.tolist()):
        np.testing.assert_array_equal(started(model, given), start.astype(np.float32))
    np.testing.assert_array_equal(start, before)


def test_an_array_of_0_to_1_is_taken_as_it_is_and_that_is_said(model):
    start = np.random.default_rng(0).uniform(0, 1, (SIDE, SIDE, 1))
    told = (
        r"^seed_input: all values lie between 0 and 1 but input_range is \(0, 255\): nearly black\. "
        r"Multiply by 255 or pass a picture \(path or PIL image\), which is scaled\.$"
    )
    with pytest.warns(UserWarning, match=told):
        picture = started(model, start)
    np.testing.assert_allclose(picture, start, rtol=1e-6)
    with pytest.warns(UserWarning, match="nearly one shade"):
        started(model, start, input_range=(-124.0, 151.0))
    for free in ({"input_range": (0, 1)}, {"input_range": (-1.0, 1.0)}):
        started(model, start, **free)
    started(model, np.zeros_like(start))


def test_bytes_beyond_the_range_are_taken_as_they_are_and_that_is_said(model):
    start = np.full((SIDE, SIDE, 1), 200, np.uint8)
    with pytest.warns(UserWarning, match=r"all values are taken as they are, up to 200, .*Image.fromarray"):
        started(model, start, input_range=(0.0, 1.0), clip=False)


def test_an_array_of_another_size_is_refused_with_the_way_to_have_it_fitted(model):
    wide = np.full((12, 36), 10, np.uint8)
    for array in (wide, wide[..., None], wide[:, :12], np.ones((24, 24, 1)), np.ones((12, 12, 3))):
        with pytest.raises(ValueError, match=r"^seed_input: expected .* \(12, 12, 1\).*Image\.fromarray\(array\)"):
            started(model, array)
    with pytest.warns(UserWarning, match="cropped from 36 × 12 to the middle 12 × 12"):
        np.testing.assert_allclose(started(model, Image.fromarray(wide)), 10)


@pytest.mark.parametrize(
    "start",
    [
        np.ones((2, 10, 10, 1)),
        np.ones((1, 10, 10, 1)),
        np.ones((3, 10, 10)),
        np.ones((10, 10, 2)),
        np.ones((10, 10, 4)),
        np.ones((0, 10, 1)),
        np.ones(10),
        np.ones(()),
        np.full((10, 10, 1), np.inf),
        [[1.0, 2.0], [3.0, 4.0]],
    ],
)
def test_an_array_that_is_no_picture_is_refused(model, start):
    with pytest.raises(ValueError, match=r"^seed_input: expected "):
        started(model, start)


# --- refusals
# ------------------------------------------------------------------------------------------------------------------


def cut(format_, at):
    file = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(file, format_)
    return file.getvalue()[:at]


def bomb():
    """A PNG that says it has 30,000 × 30,000 pixels."""
    return png(struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0), b"")


def not_finite():
    file = io.BytesIO()
    Image.fromarray(np.full((8, 8), np.nan, np.float32)).save(file, "tiff")
    return file.getvalue()


BAD_FILES = {
    "text": (b"no picture", "is not a picture that can be read"),
    "empty": (b"", "is empty"),
    "cut PNG": (cut("png", 900), "is damaged, or was cut short"),
    "cut JPEG": (cut("jpeg", 900), "is damaged, or was cut short"),
    "cut in its head": (cut("jpeg", 30), "is damaged, or was cut short"),
    "a bomb": (bomb(), "has too many pixels"),
    "no numbers": (not_finite(), "has values that are not numbers"),
}


def check_refusal(message):
    assert message.startswith("seed_input: expected ")
    assert "bad.png" in message
    for inside in (" at 0x", "BytesIO", "Errno", "PosixPath", "Traceback"):
        assert inside not in message


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_file_that_is_no_picture_is_refused_in_a_sentence(model, tmp_path, kind):
    data, why = BAD_FILES[kind]
    path = tmp_path / "bad.png"
    path.write_bytes(data)
    for call in (started, lambda *args: am.visualize_layer(args[0], "out", 0, seed_input=args[1], progress=False)):
        with pytest.raises(ValueError, match=r"bad\.png") as refused:
            call(model, path)
        check_refusal(str(refused.value))
        assert refused.value.sentence.startswith(f"bad.png {why}. ")


def test_a_folder_and_a_missing_file_are_refused(model, tmp_path):
    (tmp_path / "bad.png").mkdir()
    for path, why in ((tmp_path / "bad.png", "is a folder"), (tmp_path / "none" / "bad.png", "does not exist")):
        with pytest.raises(ValueError, match=r"bad\.png") as refused:
            started(model, path)
        check_refusal(str(refused.value))
        assert why in refused.value.sentence


def test_an_image_without_pixels_is_refused(model):
    with pytest.raises(ValueError, match="seed_input: expected a picture with pixels, received 'picture 0 × 5'"):
        started(model, Image.new("L", (0, 5)))


def test_a_home_folder_is_found(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    saved(Image.new("L", (7, 5)), tmp_path, "mine.png")
    assert read("~/mine.png").name == "mine.png"
