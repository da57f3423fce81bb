"""Names of units: where they may come from, what is refused, and how they are found."""

import json
import pickle

import keras
import numpy as np
import pytest

import actmax_widget as am
from actmax_widget.labels import Labels

PETS = ["cat", "dog", "wildcat"]


@pytest.fixture(scope="module")
def imagenet():
    return Labels("imagenet")


@pytest.fixture
def written(tmp_path):
    def write(text, name="names.txt", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return write


# --- where they come from --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [PETS, tuple(PETS), np.array(PETS), {2: "wildcat", 0: "cat", 1: "dog"}, {"1": "dog", "0": "cat", "2": "wildcat"}],
    ids=["list", "tuple", "array", "dict", "JSON's dict"],
)
def test_names_are_taken_in_the_order_of_their_indices(source):
    labels = Labels(source)
    assert labels.names == ("cat", "dog", "wildcat")
    assert {type(name) for name in labels.names} == {str}
    assert list(labels) == PETS
    assert len(labels) == 3


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("cat\ndog\nwildcat", "names.txt"),
        ("cat\r\n  dog\r\nwildcat \r\n\r\n", "names.txt"),
        ("\ufeffcat\ndog\nwildcat\n", "names"),
        ('["cat", "dog", "wildcat"]', "names.json"),
        ('{"1": "dog", "0": "cat", "2": "wildcat"}', "names.JSON"),
    ],
    ids=["lines", "of Windows", "with a mark", "list", "object"],
)
def test_files_are_read(written, text, name):
    path = written(text, name)
    assert Labels(path).names == Labels(str(path)).names == ("cat", "dog", "wildcat")


def test_a_name_may_have_any_letters(written):
    assert Labels(written("Füchse\n狐\nC++, really")).names == ("Füchse", "狐", "C++, really")


def test_labels_are_taken_as_they_are(imagenet):
    assert Labels(imagenet) == imagenet
    assert Labels(imagenet).index("red panda") == 387
    assert pickle.loads(pickle.dumps(imagenet)) == imagenet  # noqa: S301 - our own


def test_equal_names_are_equal_labels():
    assert Labels(PETS) == Labels(tuple(PETS))
    assert hash(Labels(PETS)) == hash(Labels(tuple(PETS)))
    assert Labels(PETS) != Labels(PETS[::-1])
    assert Labels(PETS) != PETS


def test_they_show_themselves():
    assert repr(Labels(PETS)) == "Labels(3: 'cat', 'dog', 'wildcat')"
    assert repr(Labels("imagenet")) == "Labels(1000: 'tench', 'goldfish', 'great white shark', …)"


# --- imagenet --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("index", "name"),
    [(0, "tench"), (1, "goldfish"), (130, "flamingo"), (483, "castle"), (985, "daisy"), (999, "toilet tissue")],
)
def test_imagenet_is_in_the_usual_order(imagenet, index, name):
    assert imagenet.name(index) == name
    assert imagenet.index(name) == index


def test_imagenet_has_a_thousand_names_that_differ_however_they_are_written(imagenet):
    assert len(imagenet) == 1000
    assert len({name.casefold() for name in imagenet}) == 1000
    assert not [name for name in imagenet if not name.isascii() or "," in name or len(name) > 40]


def test_imagenet_tells_apart_what_it_calls_by_one_name(imagenet):
    assert imagenet.name(134) == "crane (bird)"
    assert imagenet.name(517) == "crane (machine)"
    assert {638, 639} == {index for index, name in enumerate(imagenet) if name.startswith("maillot (")}
    assert imagenet.index("Cardigan") == 474
    assert imagenet.index("cardigan welsh corgi") == 264


@pytest.mark.parametrize("index", [0, 134, 264, 474, 638, 744, 836, 999])
def test_each_name_finds_its_own_class(imagenet, index):
    assert imagenet.index(imagenet.name(index)) == index


def test_every_name_is_found_typed_in_small_letters(imagenet):
    assert [imagenet.index(name.lower()) for name in imagenet] == list(range(1000))


# --- finding ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "index"),
    [
        ("flamingo", 130),
        ("  FLAMINGO ", 130),
        ("golden_retriever", 207),
        ("T shirt", 610),
        ("ice bear", 296),
        ("polar bear", 296),  # what else it is called
        ("clownfish", 393),  # the package's clean name
        ("Carassius", 1),  # the beginning of another name
        ("volc", 980),
        ("missile", 657),  # its own name, though 744 is called so too
    ],
)
def test_index_finds_a_class(imagenet, typed, index):
    assert imagenet.index(typed) == index


def test_a_name_counts_more_than_the_beginning_of_another():
    labels = Labels(["catfish", "cat", "wildcat, cat"])
    assert labels.index("cat") == 1
    assert labels.index("wildcat") == 2


def test_names_that_differ_in_case_alone_are_found_as_they_are_written():
    labels = Labels(["Turkey", "turkey"])
    assert [labels.index(name) for name in labels] == [0, 1]
    with pytest.raises(ValueError, match=r"It may be 'Turkey' \(0\) or 'turkey' \(1\)\.$"):
        labels.index("TURKEY")


def test_names_of_signs_alone_are_found():
    assert Labels(["+", "-", "/"]).index("-") == 1


@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        ("flamingoo", "Did you mean 'flamingo'?"),
        ("polarbear", "Did you mean 'ice bear'?"),
        ("crane", "It may be 'crane (bird)' (134) or 'crane (machine)' (517)."),
        ("gold", "It may be 'goldfish' (1) or 'goldfinch' (11) or "),
        ("xyzzy", "See labels.names for all of them."),
        ("", "See labels.names"),
        (" - ", "See labels.names"),
    ],
)
def test_a_name_that_is_of_no_one_unit_is_refused(imagenet, typed, advice):
    with pytest.raises(ValueError, match=r"^labels: expected the name of (a|one) unit, received") as caught:
        imagenet.index(typed)
    assert advice in str(caught.value)


@pytest.mark.parametrize("value", [130, None, b"flamingo", ["flamingo"]])
def test_only_text_is_looked_up(imagenet, value):
    for find in (imagenet.index, imagenet.search):
        with pytest.raises(TypeError, match=r"^labels: expected the name of a unit, received"):
            find(value)


@pytest.mark.parametrize(("index", "kind"), [(1000, ValueError), (-1, ValueError), ("1", TypeError), (1.0, TypeError)])
def test_an_index_without_a_unit_is_refused(imagenet, index, kind):
    with pytest.raises(kind, match=r"^index: expected an integer from 0 to 999"):
        imagenet.name(index)


def test_search_gives_the_likeliest_first(imagenet):
    assert imagenet.search("fla", most=4) == [
        (110, "flatworm"),
        (130, "flamingo"),
        (205, "flat-coated retriever"),
        (557, "flagpole"),
    ]
    assert Labels(["wildcat", "tom cat", "catfish", "cat"]).search("CAT") == [
        (3, "cat"),
        (2, "catfish"),
        (1, "tom cat"),
        (0, "wildcat"),
    ]


def test_search_puts_a_name_before_what_else_a_unit_is_called():
    assert Labels(["lynx, puma", "puma, lynx"]).search("puma") == [(0, "lynx, puma"), (1, "puma, lynx")]


def test_search_finds_an_index(imagenet):
    assert imagenet.search("130")[0] == (130, "flamingo")


def test_search_of_nothing_is_everything_and_of_no_name_nothing(imagenet):
    assert imagenet.search("", most=2) == [(0, "tench"), (1, "goldfish")]
    assert len(imagenet.search("")) == 20
    assert len(imagenet.search(" ", most=5000)) == 1000
    assert imagenet.search("xyzzy") == []


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "kind", "sentence"),
    [
        (
            3,
            TypeError,
            'expected a list of names, a dict of index to name, a file of either, or "imagenet", received 3',
        ),
        (None, TypeError, "expected a list of names"),
        (np.array("cat"), TypeError, "expected a list of names"),
        ([], ValueError, "expected at least one name"),
        ({}, ValueError, "expected at least one name"),
        (["cat", 3], TypeError, r"^labels\[1\]: expected a name, received 3 \(int\)"),
        ([["cat"], ["dog"]], TypeError, r"^labels\[0\]: expected a name"),
        (["cat", " "], ValueError, r"^labels\[1\]: expected a name that is not empty"),
        (
            ["crane", "dog", "crane "],
            ValueError,
            r"received 'crane' \(str\). 0 and 2 are both called so.*'crane \(2\)'",
        ),
        ({0: "cat", 2: "dog"}, ValueError, r"for each index from 0 to 1, received \[0, 2\].*There is no name for 1\."),
        ({-1: "cat", 0: "dog"}, ValueError, "There is no name for 1"),
        ({"cat": 0, "dog": 1}, TypeError, "expected a dict of index to name, received 'cat'"),
        ({True: "cat", False: "dog"}, TypeError, "expected a dict of index to name, received True"),
        ("imagnet", ValueError, "Did you mean 'imagenet'"),
        ("no such file.txt", ValueError, "There is no file of that name"),
        ("/", ValueError, "There is no file of that name"),
        ("cat, dog, " * 1000, ValueError, "There is no file of that name"),
        ("\0", ValueError, "There is no file of that name"),
    ],
)
def test_what_are_no_names_is_refused_in_words(source, kind, sentence):
    with pytest.raises(kind, match=sentence) as caught:
        Labels(source)
    assert str(caught.value).startswith("labels")


@pytest.mark.parametrize(
    ("text", "options", "kind", "sentence"),
    [
        ("cat\n\ndog", {}, ValueError, r"^labels\[1\]: expected a name that is not empty"),
        ("", {}, ValueError, "expected at least one name"),
        ("Füchse", {"encoding": "latin-1"}, ValueError, "expected a file of UTF-8 text"),
        ("cat\ndog", {"name": "names.json"}, ValueError, "expected a JSON file.*Its text is not JSON"),
        ('"cat"', {"name": "names.json"}, TypeError, "expected a list of names"),
        ('{"cat": 0}', {"name": "names.json"}, TypeError, "expected a dict of index to name"),
    ],
    ids=["empty line", "empty", "not UTF-8", "not JSON", "one text", "name to index"],
)
def test_files_without_names_are_refused_in_words(written, text, options, kind, sentence):
    with pytest.raises(kind, match=sentence):
        Labels(written(text, **options))


def test_another_count_than_the_layer_has_units_is_refused(imagenet):
    imagenet.check(1000, "logits")
    with pytest.raises(
        ValueError, match=r"^labels: expected 10 names, one for each unit of 'out', received 1000 \(int\)"
    ):
        imagenet.check(10, "out")


def test_a_list_of_keras_is_refused_for_its_doubles(written):
    """As Keras's own file has the names: two cranes, by which one could not be told."""
    names = ["cat", "crane", "dog", "crane"]
    with pytest.raises(ValueError, match=r"'crane'.*1 and 3 are both called so"):
        Labels(written(json.dumps(names), "imagenet.json"))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("dgo", "This must be the name of a unit, not 'dgo'. Did you mean 'dog'?"),
        ("c", "This must be the name of one unit, not 'c'. It may be 'cat' (0) or 'cow' (2)."),
        ("submarine", None),  # see labels.names: that is Python's, and not said to a person
    ],
)
def test_a_person_is_told_what_comes_near(name, sentence):
    with pytest.raises(ValueError, match="labels: expected the name of ") as raised:
        Labels(["cat", "dog", "cow"]).index(name)
    assert getattr(raised.value, "sentence", None) == sentence


def test_names_are_targets_of_the_layer_that_they_are_of_alone():
    keras.utils.set_random_seed(0)
    last = [keras.layers.Flatten(), keras.layers.Dense(5, name="inner"), keras.layers.Dense(3, name="pets")]
    model = keras.Sequential([keras.Input((4, 4, 3)), *last])
    names = ["cat", "dog", "budgie"]
    widget = am.ActMaxWidget(model, labels=names, filter_indices="dog")
    assert (widget.filter_indices, widget.labelled) == ((1,), ["pets"])
    widget.filter_indices = ["budgie", 0]
    assert widget.filter_indices == (2, 0)
    widget.layer = "inner"
    with pytest.raises(ValueError, match=r"^filter_indices: expected no names, as the 5 units of 'inner' have none"):
        widget.filter_indices = "cat"
    widget.close()
    named, given = (am.visualize(model, "pets", one, labels=names, seed=0, max_iter=3) for one in ("dog", 1))
    np.testing.assert_array_equal(named.image, given.image)
    with pytest.raises(ValueError, match="units of 'inner' have none"):
        am.visualize(model, "inner", "dog", labels=names)
    with pytest.raises(ValueError, match=r"^labels: expected 3 names"):
        am.visualize(model, "pets", 1, labels=names[:2])
    with pytest.raises(TypeError, match=r"^filter_indices: expected an integer"):
        am.visualize(model, "pets", "dog")
