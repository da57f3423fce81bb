import numpy as np

from actmax_widget.results import History


def test_history_by_name_and_as_a_table():
    history = History(("a", "b"), np.array([[1, 2, 3], [4, 5, 9]], np.float32))
    assert len(history) == 2
    assert history["b"].tolist() == [2, 5]
    assert history["total"].tolist() == [3, 9]
    table = history.to_pandas()
    assert list(table.columns) == ["a", "b", "total"]
    assert list(table.index) == [1, 2]
    assert table.index.name == "iteration"


def test_what_was_measured_comes_after_the_losses():
    rows = np.array([[1, 2, 3, 4, 0.5], [4, 5, 9, 8, 0.75]], np.float32)
    history = History.of(("a", "b"), ("activation", "probability"), rows)
    assert (history.columns, history.values.shape) == (("a", "b", "total"), (2, 3))
    assert history["activation"].tolist() == [4, 8]
    assert history["probability"].tolist() == [0.5, 0.75]
    table = history.to_pandas()
    assert list(table.columns) == ["a", "b", "total", "activation", "probability"]
    np.testing.assert_array_equal(table, rows)
    assert History.of(("a", "b"), (), rows[:, :3]).measured.shape == (2, 0)
