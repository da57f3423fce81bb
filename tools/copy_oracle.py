"""Copy the recorded keras-vis runs from ``../shared/oracle`` into ``tests/oracle``, small enough for a repository.

Run from the repository root: ``.venv/bin/python tools/copy_oracle.py``. The same recording gives the same bytes.

Written: ``oracle.json`` (one line for each model and case) and ``oracle.npz`` (one flat array of each dtype). Where
the JSON names an array it says ``[dtype, offset, shape]``; equal arrays are stored once. The flat arrays are stored
as byte planes, (itemsize, values), which pack a tenth smaller.

Dropped, because the test can do without:

- ``seed_used`` where a seed was given (it is ``seed_input`` as float32 with a batch axis; where none was given it is
  kept, as float32), ``wrt_0`` where the first input is the seed;
- iteration 1's ``grads_1`` and ``wrt_1`` where a later iteration was captured too;
- ``grads_0`` where no gradient modifier was used and ``raw_grad_0`` is there (it is that, divided by its L2 norm);
- ``overall_loss`` where the only loss is in ``named_losses``;
- ``float_image`` (``deprocess_input`` of ``best_input``), and ``image`` where it is the same;
- in the JSON: dtypes and shapes, the filled-in defaults, most of ``sensitivity``.

Rounded: gradients to 15 explicit bits of mantissa (a relative error of 1.5e-5 at most; the tests' tolerance is 1e-4),
``best_input`` to float32 with 18 (at most 2.4e-4 for values below 256; the tests' tolerance is 1e-3). Inputs and
weights are exact.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT.parent / "shared" / "oracle"
TARGET = ROOT / "tests" / "oracle"

MANTISSA = 23
GRADIENT_BITS = 15
INPUT_BITS = 18
KEPT_SENSITIVITY = ("best_input", "image", "overall_rel", "first_iter_overall_rel_gt_1e-05")


class Store:
    """Arrays for the npz: one flat array of each dtype, in which each distinct array stands once."""

    def __init__(self) -> None:
        self._parts: dict[str, list[np.ndarray]] = {}
        self._places: dict[tuple[Any, ...], list[Any]] = {}
        self._ends: dict[str, int] = {}

    def add(self, array: np.ndarray) -> list[Any]:
        """Where to find the array: [dtype, offset, shape]."""
        dtype = array.dtype.name
        identity = (dtype, array.shape, array.tobytes())
        if identity not in self._places:
            self._places[identity] = [dtype, self._ends.get(dtype, 0), list(array.shape)]
            self._parts.setdefault(dtype, []).append(array.reshape(-1))
            self._ends[dtype] = self._ends.get(dtype, 0) + array.size
        return self._places[identity]

    def planes(self) -> dict[str, Any]:
        """The flat arrays as byte planes: dtype -> (itemsize, values) uint8."""
        flat = {dtype: np.concatenate(parts) for dtype, parts in self._parts.items()}
        planes = {dtype: values.view(np.uint8).reshape(-1, values.itemsize).T for dtype, values in flat.items()}
        return {dtype: np.ascontiguousarray(array) for dtype, array in planes.items()}


def rounded(array: np.ndarray, bits: int) -> np.ndarray:
    """A float32 array with ``bits`` explicit bits of mantissa; NaN stays NaN."""
    drop = MANTISSA - bits
    words = np.ascontiguousarray(array, np.float32).view(np.uint32)
    nearest = (words + np.uint32(1 << (drop - 1))) & np.uint32(0xFFFFFFFF << drop & 0xFFFFFFFF)
    return np.where(np.isnan(array), array, nearest.view(np.float32))


def needed(case: dict[str, Any], arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of a case that are kept, see the module's docstring."""
    last, image = case["result"]["last_iter"], arrays["image"]
    kept: dict[str, np.ndarray] = {
        name: arrays[name] for name in ("jitter_offsets", "loss_target", "named_losses") if name in arrays
    }
    kept["seed"] = arrays["seed_input"] if case["seed"]["given"] else arrays["seed_used"].astype(np.float32)
    if kept["named_losses"].shape[1] > 1:
        kept["overall_loss"] = arrays["overall_loss"]
    if image.dtype == np.uint8:
        kept["image"] = image
    kept["best_input"] = rounded(arrays["best_input"], INPUT_BITS)
    if "raw_grad_0" in arrays:
        kept["raw_grad_0"] = rounded(arrays["raw_grad_0"], GRADIENT_BITS)
    if "raw_grad_0" not in arrays or case["kwargs"].get("grad_modifier"):
        kept["grads_0"] = rounded(arrays["grads_0"], GRADIENT_BITS)
    if not np.array_equal(arrays["wrt_0"], arrays["seed_used"].astype(np.float32)):
        kept["wrt_0"] = arrays["wrt_0"]
    if last:
        kept["wrt_last"] = arrays[f"wrt_{last}"]
        kept["grads_last"] = rounded(arrays[f"grads_{last}"], GRADIENT_BITS)
    return kept


def small_case(path: Path, store: Store) -> dict[str, Any]:
    """The line of a case."""
    case = json.loads(path.read_text(encoding="utf-8"))
    with np.load(path.with_suffix(".npz")) as arrays:
        places = {name: store.add(array) for name, array in needed(case, dict(arrays)).items()}
    result, sensitivity = case["result"], case["sensitivity"]
    return {
        "id": case["id"],
        "function": case["function"],
        "model": case["model_id"],
        "layer_idx": case["layer_idx"],
        "kwargs": case["kwargs"],
        "losses": case["losses"] if case["function"] == "visualize_activation_with_losses" else None,
        "input_modifiers": case["input_modifiers"] or [],
        "seed_given": case["seed"]["given"],
        "numpy_random_seed": case["seed"]["numpy_random_seed"],
        "n_iter": result["n_iter"],
        "best_iter": result["best_iter"],
        "loss_names": result["loss_names"],
        "image_dtype": result["image_dtype"],
        "sensitivity": {name: sensitivity[name] for name in KEPT_SENSITIVITY} if sensitivity else None,
        "arrays": places,
    }


def small_model(path: Path, store: Store) -> dict[str, Any]:
    """The line of a model: its layers, each with its weights, and a pair of input and output to check it by."""
    model = json.loads(path.read_text(encoding="utf-8"))
    with np.load(path.with_suffix(".npz")) as arrays:
        layers = [
            {
                **{key: value for key, value in layer.items() if key != "output_shape"},
                "weights": [store.add(arrays[name]) for name in layer.get("weights", ())],
            }
            for layer in model["layers"]
        ]
        checks = {name: store.add(arrays[name]) for name in ("check_input", "check_output")}
    return {"id": path.stem, "input_shape": model["input_shape"], "kind": model["kind"], "layers": layers, **checks}


def main() -> None:
    """Write both files and say how large they are."""
    store = Store()
    index = json.loads((SOURCE / "index.json").read_text(encoding="utf-8"))
    models = [small_model(path, store) for path in sorted((SOURCE / "models").glob("*.json"))]
    cases = [small_case(SOURCE / "cases" / f"{case['id']}.json", store) for case in index["cases"]]
    lines = {
        name: ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in entries)
        for name, entries in {"models": models, "cases": cases}.items()
    }
    TARGET.mkdir(parents=True, exist_ok=True)
    text = "{" + ",\n".join(f'"{name}": [\n{entries}\n]' for name, entries in lines.items()) + "}\n"
    written = [TARGET / "oracle.json", TARGET / "oracle.npz"]
    written[0].write_text(text, encoding="utf-8")
    np.savez_compressed(written[1], **store.planes())
    sizes = ", ".join(f"{path.name} {path.stat().st_size / 1e6:.2f} MB" for path in written)
    print(f"{len(models)} models, {len(cases)} cases: {sizes}")


if __name__ == "__main__":
    main()
