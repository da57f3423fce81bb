import numpy as np
import pytest

from actmax_widget.callbacks import OptimizerCallback, Print


def test_print_is_in_the_format_of_keras_vis(capsys):
    named = [("ActivationMax Loss", np.float32(-0.011)), ("TV(2.0) Loss", np.float32(6130.523))]
    Print().callback(0, named, np.float32(6130.512), None, None)
    printed = capsys.readouterr().out
    assert printed.startswith("Iteration: 1, named_losses: [('ActivationMax Loss', ")
    assert printed.endswith("overall loss: 6130.51220703125\n")


def test_the_base_class_asks_to_be_overridden():
    with pytest.raises(NotImplementedError):
        OptimizerCallback().callback(0, [], 0.0, None, None)
    OptimizerCallback().on_end()
