import dataclasses

import pytest

from actmax_widget.live.facts import Facts, Status, TilesFacts

FACTS = Facts(run=1, status=Status.READY, iteration=1, goal=5, stale=False, preparing=False, error="")
TILES = TilesFacts(
    number=1,
    layer="conv",
    names=("filter_indices",),
    titles=("Filters",),
    values=(((0,),), ((1,),), ((2,),)),
    begun=3,
    done=2,
    iteration=4,
    goal=5,
    input_range=(0, 255),
    status=Status.RUNNING,
    error="",
)


@pytest.mark.parametrize("status", Status)
def test_every_status_has_a_sentence(status):
    facts = dataclasses.replace(FACTS, status=status)
    assert "1 iterations" not in facts.sentence()
    assert facts.sentence() or status is Status.RUNNING


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.READY])
def test_at_tiles_the_sentence_is_theirs(status):
    tiles = dataclasses.replace(TILES, status=status)
    facts = dataclasses.replace(FACTS, status=status, tiles=tiles, at_tiles=True, stale=True, note="No gradient.")
    assert facts.sentence() == tiles.sentence()
    assert ("2 of 3 filters of conv" in facts.sentence()) != (status.busy)
    away = dataclasses.replace(facts, at_tiles=False)
    assert away.sentence() == dataclasses.replace(away, tiles=None).sentence() != tiles.sentence()


@pytest.mark.parametrize(
    ("names", "values", "filters", "far"),
    [
        (("filter_indices",), (((4,),), ((1,),)), (4, 1), "2 of 2 filters of conv"),
        (("filter_indices",), (((4,),), ((1, 2),)), (), "2 of 2 pictures"),
        (("filter_indices",), ((None,),), (), "2 of 1 pictures"),
        (("seed",), ((3,), (4,)), (), "2 of 2 pictures"),
        (("filter_indices", "seed"), (((4,), 3),), (), "2 of 1 pictures"),
    ],
)
def test_tiles_of_filters_are_called_so(names, values, filters, far):
    tiles = dataclasses.replace(TILES, names=names, values=values)
    assert (tiles.filters, tiles.far()) == (filters, far)
