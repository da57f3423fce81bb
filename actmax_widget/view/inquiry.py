"""What is asked about the picture and takes longer than some frames: its score, real pictures, the quiz.

Answered by a thread of its own, one question after the other, so that the run and its frames go on meanwhile.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from actmax_widget.checks import in_words, invalid
from actmax_widget.live.quiet import QUIET
from actmax_widget.live.run import Run
from actmax_widget.network.dataset import References
from actmax_widget.pictures import grey_or_rgb
from actmax_widget.reason import reason
from actmax_widget.scoring.aims import Aim
from actmax_widget.scoring.examples import Examples, excitement
from actmax_widget.scoring.quiz import Quiz
from actmax_widget.scoring.score import CAUTION, Score, aim_of_run
from actmax_widget.view.messages import (
    AskExamples,
    AskQuiz,
    AskScore,
    ExamplesMessage,
    QuizMessage,
    ScoreMessage,
    content,
)

Answer = tuple[dict[str, Any], list[bytes]]
"""A message and its buffers."""
NONE = "There are no real pictures yet: set widget.references, e.g. to the path of a folder."


class Asked(Protocol):
    """What is asked of a widget."""

    references: References | None
    _run: Run
    _labels: Any

    def score(self) -> Score:
        """See the widget's."""

    def top_references(self) -> Examples:
        """See the widget's."""


class Inquiry:
    """Answers questions in a thread of its own; of each kind the newest."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[type, Callable[[], None]] = {}
        self._at_work = False
        self._quiz: tuple[Any, Quiz] | None = None

    def forget(self) -> None:
        """Begin another quiz, as there are other pictures."""
        self._quiz = None

    def ask(self, command: Any, widget: Asked, send: Callable[..., Any]) -> None:
        """Answer a command of the page, by and by."""
        with self._lock:
            self._waiting[type(command)] = lambda: send(*self.answer(command, widget))
            if self._at_work:
                return
            self._at_work = True
        threading.Thread(target=self._work, name="actmax-inquiry", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._at_work = False
                    return
                _, one = self._waiting.popitem()
            # The page may be gone when the answer is there.
            with QUIET.work(), contextlib.suppress(Exception):
                one()

    def answer(self, command: Any, widget: Asked) -> Answer:
        """What was asked for, or a sentence why there is none."""
        answers: dict[type, Callable[..., Answer]] = {
            AskScore: self._score,
            AskExamples: self._examples,
            AskQuiz: self._question,
        }
        try:
            return answers[type(command)](command, widget)
        except Exception as error:  # noqa: BLE001 - a network or a data set that somebody wrote may raise anything
            said = in_words(error) if isinstance(error, ValueError | TypeError) else reason(error)
            said = getattr(error, "sentence", said)
            return content(self._nothing(command, said, widget)), []

    @staticmethod
    def _nothing(command: Any, sentence: str, widget: Asked) -> Any:
        if isinstance(command, AskScore):
            iteration = widget._run.iteration  # noqa: SLF001 - it is the widget's own
            empty: dict[str, Any] = {"target": "", "rows": [], "passes": 0, "notes": [], "caution": CAUTION}
            return ScoreMessage(iteration=iteration, sentence=sentence, **empty)
        if isinstance(command, AskExamples):
            lists: dict[str, Any] = {"names": [], "activations": [], "shapes": [], "notes": []}
            return ExamplesMessage(target="", number=0, lowest=False, sentence=sentence, **lists)
        return QuizMessage(target="", shape=[0, 0, 1], right=None, said="", sentence=sentence)

    def _score(self, command: AskScore, widget: Asked) -> Answer:
        iteration = widget._run.iteration  # noqa: SLF001 - as above
        if not iteration:
            return content(self._nothing(command, "There is no picture to score yet: press Run.", widget)), []
        found = widget.score()
        rows: Any = [
            {"name": name, "verdict": row.verdict, "words": row.words}
            for name, row in (("strong", found.strong), ("sturdy", found.sturdy), ("natural", found.natural))
        ]
        told: dict[str, Any] = {
            "passes": found.passes,
            "notes": list(found.notes),
            "caution": found.caution,
            "sentence": "",
        }
        return content(ScoreMessage(iteration=iteration, target=found.target, rows=rows, **told)), []

    def _examples(self, command: AskExamples, widget: Asked) -> Answer:
        if widget.references is None:
            return content(self._nothing(command, NONE, widget)), []
        found = widget.top_references()
        _check_pictures(found.pictures)
        crops = [_as_shown(crop) for crop in found.crops]
        message = ExamplesMessage(
            target=found.target,
            names=list(found.names),
            activations=[float(one) for one in found.activations],
            shapes=[list(crop.shape) for crop in crops],
            number=found.number,
            lowest=found.lowest,
            notes=list(found.notes),
            sentence="",
        )
        return content(message), [crop.tobytes() for crop in crops]

    def _question(self, command: AskQuiz, widget: Asked) -> Answer:
        references, run = widget.references, widget._run  # noqa: SLF001 - as above
        if references is None:
            return content(self._nothing(command, NONE, widget)), []
        settings = run.settings
        network, aim = aim_of_run(run.network, settings, widget._labels)  # noqa: SLF001 - as above
        pictures = references.pictures(network, settings.input_range)
        _check_pictures(pictures.pixels)
        strengths, _, passes = excitement(network, aim, references, settings.input_range)
        if passes:
            run.examine_again()
        whose = _whose(aim, references)
        if self._quiz is None or self._quiz[0] != whose:
            # Asked is which one excites it more, also of a unit that the run lowers.
            self._quiz, command = (whose, Quiz(strengths)), AskQuiz()
        quiz = self._quiz[1]
        right = None if command.answer is None else quiz.answer(command.answer)
        shown = [_as_shown(pictures.pixels[one]) for one in quiz.question]
        told: dict[str, Any] = {"target": aim.name, "shape": list(shown[0].shape), "said": quiz.said(), "sentence": ""}
        return content(QuizMessage(right=right, **told)), [one.tobytes() for one in shown]


def _whose(aim: Aim, references: References) -> Any:
    """What a quiz is about: another target has another one."""
    return aim.name, aim.selection.tobytes(), aim.position, aim.sign, id(references)


def _check_pictures(pixels: np.ndarray) -> None:
    if pixels.ndim != 4:
        raise invalid("references", "pictures", pixels.shape, "This input is no picture.")


def _as_shown(pixels: np.ndarray) -> np.ndarray:
    return np.rint(grey_or_rgb(pixels.astype(np.float32))).astype(np.uint8)
