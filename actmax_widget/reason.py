"""Why something failed, in a few lines: what was raised by a user's layer, by Keras, or deep inside of TensorFlow."""

from __future__ import annotations

import re

LINES = 3
"""Lines of a message that are shown at the most; what comes after them is seldom the reason."""
LETTERS = 300
"""Letters that are shown at the most."""

WRAPPED = re.compile(r"Exception encountered when calling (.+?)\.\n\n(.*?)\n\nArguments received by ", re.DOTALL)
"""How Keras reports what a layer raised."""
NODE = re.compile(r"\[\[\{\{node ([^}]*)\}\}")
"""How TensorFlow names the operation that failed."""
NOISE = [
    (re.compile(r"\x1b\[[0-9;]*m"), ""),  # colours of a terminal
    (re.compile(r".*\bError encountered:\n\n", re.DOTALL), ""),  # Keras, of an output shape that it could not infer
    (re.compile(r"\{\{function_node [^}]*\}\}\s*"), ""),
    (re.compile(r"\s*\[\[\{\{node .*", re.DOTALL), ""),
    (re.compile(r"'\{\{node ([^}]*)\}\} = .*?\)'"), r"'\1'"),
    (re.compile(r"^.*\(most recent call last\):\n(?:(?:[ \t].*|<stack traces unavailable>)?\n)*", re.MULTILINE), ""),
    (re.compile(r"^(?:Graph execution error:|\s*\d+ root error\(s\) found\.)$", re.MULTILINE), ""),
    (re.compile(r"^\s*\(\d+\) [A-Z_]+:\s*", re.MULTILINE), ""),
]
"""What stands around the reason, and what is put in its place."""


def reason(error: BaseException) -> str:
    r"""What was raised as a person should read it: the kind and the reason, then the cause, then where.

    Keras and TensorFlow put the reason between the name of a function, its arguments, nodes of a graph and tracebacks.

    Args:
        error: whatever was raised, by whomever.

    Returns:
        A few lines, never empty: ``"RuntimeError: the mean is missing\nIn Picky.call()."``

    Example:
        >>> reason(MemoryError())
        'MemoryError: no message'
    """
    text = _text(error)
    wrapped, node = WRAPPED.search(text), NODE.search(text)
    raised = error.__context__ if wrapped and error.__context__ is not None else error
    lines = [_with_kind(raised, wrapped[2] if wrapped else text)]
    if (cause := _first_cause(raised)) is not raised:
        lines.append(f"Caused by {_with_kind(cause, _text(cause))}")
    if wrapped or node:
        lines.append(f"In {wrapped[1] if wrapped else _last_parts(node[1] if node else '')}.")
    return "\n".join(lines)


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - a user's own error may fail to say what it is
        return ""


def _with_kind(error: BaseException, text: str) -> str:
    return f"{type(error).__name__}: {_essence(text)[:LETTERS].rstrip() or 'no message'}"


def _essence(text: str) -> str:
    for pattern, instead in NOISE:
        text = pattern.sub(instead, text)
    lines = dict.fromkeys(line.strip() for line in text.splitlines() if line.strip())  # each once, in order
    return "\n".join(list(lines)[:LINES])


def _first_cause(error: BaseException) -> BaseException:
    """What an error was raised from, and that from, ...; an error may have been made its own cause."""
    seen = [error]
    while (cause := seen[-1].__cause__) is not None and cause not in seen:
        seen.append(cause)
    return seen[-1]


def _last_parts(node: str) -> str:
    """The layer and the operation of a node's path."""
    return "/".join(node.split("/")[-2:])
