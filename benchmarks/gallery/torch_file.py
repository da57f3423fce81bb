"""Reads the weights of a PyTorch file without PyTorch, and runs nothing that the file holds."""

from __future__ import annotations

import dataclasses
import pickle
from collections import OrderedDict
from typing import IO, Any

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
"""What files begin with that PyTorch wrote before 1.6 (``torch.serialization``, 2016)."""
KINDS = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


@dataclasses.dataclass
class _Storage:
    """A flat array that the file brings after the pickle."""

    kind: np.dtype[Any]
    values: np.ndarray | None = None


@dataclasses.dataclass
class _Tensor:
    """How an array lies in a storage; all in elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self) -> np.ndarray:
        values = self.storage.values
        last = self.offset + sum((side - 1) * stride for side, stride in zip(self.shape, self.strides, strict=True))
        if values is None or not 0 <= last < len(values) or min(self.offset, *self.strides, 0) < 0:
            raise pickle.UnpicklingError(f"A tensor of shape {self.shape} lies outside of what the file holds.")
        steps = [stride * values.itemsize for stride in self.strides]
        return np.array(np.lib.stride_tricks.as_strided(values[self.offset :], self.shape, steps))


class _TensorsOnly(pickle.Unpickler):
    """Unpickles dicts of tensors and nothing else, as a pickle from a package could run anything."""

    def __init__(self, file: IO[bytes], storages: dict[str, _Storage]) -> None:
        super().__init__(file)
        self._storages = storages

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: _Tensor(storage, offset, shape, strides)
        if module == "torch" and name in KINDS:
            return KINDS[name]
        raise pickle.UnpicklingError(f"The weights hold a {module}.{name}, which is no tensor.")

    def persistent_load(self, pid: Any) -> _Storage:
        _, kind, key, *_ = pid
        return self._storages.setdefault(key, _Storage(kind))


def read(file: IO[bytes]) -> dict[str, np.ndarray]:
    """Read a state dict as PyTorch wrote it before 1.6: a pickle, then its numbers.

    Args:
        file: opened for reading bytes, at its beginning.

    Returns:
        Name of each tensor -> its array, float32 or int64.

    Raises:
        pickle.UnpicklingError: it is no such file, or holds anything but tensors, which is then not run.
    """
    storages: dict[str, _Storage] = {}

    def part() -> Any:
        return _TensorsOnly(file, storages).load()

    if part() != MAGIC:
        raise pickle.UnpicklingError("This is no file of weights that PyTorch before 1.6 wrote.")
    _, _, tensors, keys = part(), part(), part(), part()
    for key in keys:
        kind, count = storages[key].kind, int.from_bytes(file.read(8), "little")
        storages[key].values = np.frombuffer(file.read(count * kind.itemsize), kind)
    return {name: tensor.array() for name, tensor in tensors.items()}
