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
