"""The compiled program of a sweep: a function of one sample, batched over blocks of one size.

All samples are computed in blocks of one fixed size, aligned with the global index, the last one padded: whatever the
chunks and the devices, sample i stands at place i mod block of the same program, and comes out the same to the last
bit. What the function needs besides the sample (`common`, leaves of the device that stay, the seed) is handed to the
program and no constant in it, so that other values do not compile again.
"""

import difflib
import hashlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.hdf5_variables import NUMERIC, is_name
from photonics_core.kernels.checks import check_finite, check_kind, is_concrete
from photonics_core.leaves import digest_of_leaf, is_key, is_number, leaf_array
from photonics_core.sample_plans import RESERVED, Plan

#: Bytes of results and of what is held on the way that a block aims at, and the most it may take, by kind of device.
AIM, MOST = {"cpu": 1 << 24, "gpu": 1 << 29}, {"cpu": 1 << 26, "gpu": 1 << 32}
#: Largest block by kind of device.
LARGEST = {"cpu": 1 << 14, "gpu": 1 << 17}
#: Blocks in a sweep, at least: what a kill can lose of it.
PIECES = 16


@dataclass(frozen=True)
class Label:
    """What a variable is called beside its name.

    Args:
        dims: names of the axes that one sample has of it; empty to have them made up.
        units: unit, such as "um".
        long_name: what the values are.
    """

    dims: tuple[str, ...] = ()
    units: str = ""
    long_name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "dims", tuple(self.dims))


@dataclass(frozen=True)
class Output:
    """One result of one sample: its shape, its type and its label, with names for all axes."""

    shape: tuple[int, ...]
    dtype: np.dtype
    label: Label


class Program:
    """A function of one sample as a program for blocks of samples.

    Args:
        function: as `sweep` takes it.
        plan: the samples.
        device: pytree whose leaves the axes name, or None.
        common: pytree of what all samples share, or None.
        seed: seed of the keys handed to the function, or None for no keys.
        labels: by name of an output or axis.

    Raises:
        ValueError: for an axis that is neither a leaf nor an argument, or of another shape than its leaf; for a
            function that fails for one sample, or gives what cannot be kept. Nothing has been computed then.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        plan: Plan,
        *,
        device: Any = None,
        common: Any = None,
        seed: int | None = None,
        labels: Mapping[str, Label] | None = None,
    ) -> None:
        check_kind("plan", plan, Plan)
        if not callable(function):
            raise ValueError(f"function = {function!r} cannot be called")
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32):
            raise ValueError(f"seed = {seed!r} is not a whole number in [0, 2^32)")
        self.function: Callable[..., Any] = function
        self.plan: Plan = plan
        self.seed: int | None = seed
        self._traced: tuple[int, Any] = (0, None)
        self._compiled: tuple[int, dict[Any, Any]] = (0, {})
        self._has_device, self._has_common = device is not None, common is not None
        self._first = plan.rows(0, 1)
        leaves, self._structure = jax.tree_util.tree_flatten_with_path({"device": device, "common": common})
        self._paths = [jax.tree_util.keystr(path[1:]) or "(itself)" for path, _ in leaves]
        self._sides = [path[0].key for path, _ in leaves]  # pyright: ignore[reportAttributeAccessIssue]
        self._leaves = [leaf for _, leaf in leaves]
        self._places = self._find_axes([path for path, _ in leaves])
        self._check_arguments()
        swept = set(self._places.values())
        self.traced: list[int] = [k for k, leaf in enumerate(self._leaves) if k not in swept and is_number(leaf)]
        self._check_leaves()
        self.outputs: dict[str, Output] = self._outputs(labels or {})

    @property
    def name(self) -> str:
        """Name of the function as "module:name"."""
        function = self.function
        while hasattr(function, "func"):
            function = function.func  # pyright: ignore[reportFunctionMemberAccess]
        own = getattr(function, "__qualname__", type(function).__qualname__)
        return f"{getattr(function, '__module__', '?')}:{own}"

    @property
    def shared(self) -> list[np.ndarray | jax.Array]:
        """The numbers that all samples share, in the precision of the process, and the seed."""
        return [*(leaf_array(self._leaves[k]) for k in self.traced), np.asarray(self.seed or 0, np.uint32)]

    def rows(self, start: int, block: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Samples and global indices of the block from `start` on, the last sample repeated to fill it up."""
        stop = min(start + block, self.plan.count)
        kind = np.dtype(jax.dtypes.canonicalize_dtype(np.float64))
        rows = {name: _padded(values.astype(kind), block) for name, values in self.plan.rows(start, stop).items()}
        return rows, _padded(np.arange(start, stop).astype(np.uint32), block)

    def lowered(self, block: int, device: Any = None) -> Any:
        """The program for blocks of a size, traced and not yet compiled; the last one for no device is kept."""
        if device is None and self._traced[0] == block:
            return self._traced[1]
        arguments = (self.shared, *self.rows(0, min(block, self.plan.count)))
        place = None if device is None else jax.sharding.SingleDeviceSharding(device)

        def known(x: Any, batched: bool) -> jax.ShapeDtypeStruct:
            shape = (block, *x.shape[1:]) if batched else x.shape
            return jax.ShapeDtypeStruct(shape, x.dtype, sharding=place)

        shapes = [jax.tree.map(lambda x, k=k: known(x, k > 0), tree) for k, tree in enumerate(arguments)]
        # Arguments that are not used stay, so that every program is called the same way.
        found = jax.jit(self._block, keep_unused=True).lower(*shapes)
        if device is None:
            self._traced = block, found
        return found

    def block_size(self, kind: str) -> int:
        """A block that keeps memory and what a kill may lose within bounds; the same whenever it is asked.

        Args:
            kind: kind of device, "cpu" or "gpu".
        """
        kind = kind if kind in AIM else "gpu"
        count = self.plan.count
        # What is held on the way is often some times what comes out.
        each = 8 * (self.bytes_each + 8 * len(self._first))
        most = min(LARGEST[kind], _power_of_two(max(1, -(-count // PIECES))))
        block = _power_of_two(max(1, min(most, AIM[kind] // each)))
        while block > 1 and self.memory(block) > MOST[kind]:
            block = max(1, block // max(2, _power_of_two(self.memory(block) // MOST[kind])))
        return block

    def memory(self, block: int) -> int:
        """Bytes that the program of a block needs for its results and on the way, or 0 where that is not known."""
        known = self.compiled(block).memory_analysis()
        if known is None:
            return 0
        return int(known.temp_size_in_bytes + known.output_size_in_bytes)

    def compiled(self, block: int, device: Any = None) -> Any:
        """The program of a block, compiled for a device, None for the default one; that for the last block is kept."""
        if self._compiled[0] != block:
            self._compiled = block, {}
        programs = self._compiled[1]
        if device == _default_device():
            device = None
        if device not in programs:
            programs[device] = self.lowered(block, device).compile()
        return programs[device]

    @property
    def bytes_each(self) -> int:
        """Bytes of the results of one sample."""
        return sum(int(np.prod(each.shape)) * each.dtype.itemsize for each in self.outputs.values())

    def identity(self, block: int) -> dict[str, Any]:
        """What tells this program and what it is given from others, as JSON holds it."""
        text = self.lowered(block).as_text()
        found: dict[str, Any] = {
            "function": self.name,
            "program": hashlib.sha256(text.encode()).hexdigest()[:32],
            "plan": self.plan.identity(),
            "seed": self.seed,
        }
        for side in ("device", "common"):
            found[side] = {
                self._paths[k]: digest_of_leaf(self._leaves[k])
                for k in range(len(self._leaves))
                if self._is_of(k, side)
            }
        return found

    def _is_of(self, place: int, side: str) -> bool:
        return self._sides[place] == side and place not in self._places.values()

    def _find_axes(self, paths: list[Any]) -> dict[str, int]:
        """Places of the leaves that axes name; the others are arguments."""
        known: dict[str, int] = {}
        for k, path in enumerate(paths):
            if self._sides[k] == "device":
                known[jax.tree_util.keystr(path[1:])] = k
                known[jax.tree_util.keystr(path[1:]).removeprefix(".")] = k
                known[jax.tree_util.keystr(path[1:], simple=True, separator=".")] = k
        self._known = known
        places = {name: known[name] for name in self.plan.names if name in known}
        for name, k in places.items():
            shape, wanted = self._first[name].shape[1:], np.shape(self._leaves[k])
            if shape != wanted:
                raise ValueError(
                    f"axis {name!r} gives numbers of shape {shape}, but the leaf of the device has {wanted}"
                )
            if list(places.values()).count(k) > 1:
                raise ValueError(f"axis {name!r} names a leaf that another axis names too")
        return places

    def _check_arguments(self) -> None:
        """Axes that are no leaves must be arguments of the function."""
        others = [name for name in self.plan.names if name not in self._places]
        if not (self._has_device and others):
            return
        try:
            known = inspect.signature(self.function).parameters
        except (TypeError, ValueError):
            return
        if any(each.kind is inspect.Parameter.VAR_KEYWORD for each in known.values()):
            return
        for name in others:
            if name not in list(known)[1:]:
                names = [each for each in self._known if not each.startswith((".", "["))]
                near = difflib.get_close_matches(name, [*names, *known], 3, 0.5)
                hint = f"; near it are {', '.join(near)}" if near else ""
                raise ValueError(f"axis {name!r} is no leaf of the device and no argument of {self.name}{hint}")

    def _check_leaves(self) -> None:
        for k in self.traced:
            where = f"{self._sides[k]}{self._paths[k]}"
            if not is_concrete(self._leaves[k]):
                raise ValueError(f"{where} is traced: a sweep starts from plain numbers")
            if not is_key(self._leaves[k]):
                values = np.asarray(self._leaves[k])
                for part in (np.real(values), np.imag(values)) if values.dtype.kind in "fc" else ():
                    check_finite(where, part)

    def _one(self, shared: list[Any], row: dict[str, Any], index: Any) -> dict[str, Any]:
        """Results of one sample by name."""
        leaves = list(self._leaves)
        *numbers, seed = shared
        for k, value in zip(self.traced, numbers, strict=True):
            leaves[k] = value
        for name, k in self._places.items():
            leaves[k] = row[name].astype(leaf_array(self._leaves[k]).dtype)
        both = self._structure.unflatten(leaves)
        others = {name: value for name, value in row.items() if name not in self._places}
        keywords = others if self._has_device else {}
        positional = [both["device"] if self._has_device else others]
        if self._has_common:
            positional.append(both["common"])
        if self.seed is not None:
            keywords = keywords | {"key": jax.random.fold_in(jax.random.key(seed), index)}
        found = self.function(*positional, **keywords)
        named = jax.tree_util.tree_leaves_with_path(found)
        simple = {jax.tree_util.keystr(path, simple=True, separator="/") or "result": leaf for path, leaf in named}
        return {name: jnp.asarray(leaf) for name, leaf in simple.items()}

    def _block(self, shared: list[Any], rows: dict[str, Any], index: Any) -> dict[str, Any]:
        return jax.vmap(self._one, (None, 0, 0))(shared, rows, index)

    def _outputs(self, labels: Mapping[str, Label]) -> dict[str, Output]:
        row, index = (
            {k: v[0] for k, v in part.items()} if isinstance(part, dict) else part[0] for part in self.rows(0, 1)
        )
        try:
            found = jax.eval_shape(self._one, self.shared, row, index)
        except Exception as error:
            sample = ", ".join(f"{name} of shape {np.shape(value)}" for name, value in row.items()) or "only its key"
            raise ValueError(f"{self.name} fails for one sample ({sample}): {_reason(error)}") from error
        if not found:
            raise ValueError(f"{self.name} gives no results")
        self._check_names(found, labels)
        return {name: _output(name, each, labels.get(name, Label())) for name, each in found.items()}

    def _check_names(self, found: Mapping[str, Any], labels: Mapping[str, Label]) -> None:
        taken = {*self.plan.names, *self.plan.dims, *RESERVED}
        for name in found:
            if not all(map(is_name, name.split("/"))) or name.split("/")[0] in taken:
                raise ValueError(f"result {name!r} of {self.name} has the name of an axis, or is no name")
        for name in labels:
            if name not in found and name not in self.plan.names:
                known = ", ".join([*found, *self.plan.names])
                raise ValueError(f"labels[{name!r}] is no result and no axis; there are {known}")


def _reason(error: Exception) -> str:
    """An error of the function; one of Python or NumPy meeting a traced number, with what to write instead."""
    said = f"{type(error).__name__}: {str(error).strip()}"
    traced = jax.errors.ConcretizationTypeError | jax.errors.TracerArrayConversionError
    if isinstance(error, traced | jax.errors.TracerIntegerConversionError):
        first = said.split("\n")[0]
        return f"{first.rstrip('.')}. It has to be in JAX: jnp.where in place of if, and jax.numpy in place of numpy"
    return said.split("\n\n")[0]


def _output(name: str, found: Any, label: Label) -> Output:
    if np.dtype(found.dtype).name not in NUMERIC:
        raise ValueError(f"result {name!r} holds {found.dtype} values, which cannot be kept")
    dims = label.dims or tuple(f"{name.rpartition('/')[2]}_{k}" for k in range(len(found.shape)))
    if len(dims) != len(found.shape) or len(set(dims)) != len(dims):
        raise ValueError(f"result {name!r} has shape {found.shape} for one sample, but dims {dims}")
    return Output(tuple(found.shape), np.dtype(found.dtype), Label(dims, label.units, label.long_name))


def _default_device() -> Any:
    return next(iter(jnp.zeros(()).devices()))


def _padded(values: np.ndarray, block: int) -> np.ndarray:
    missing = block - len(values)
    return np.concatenate([values, np.repeat(values[-1:], missing, axis=0)]) if missing else values


def _power_of_two(value: int) -> int:
    """Largest power of two that is not above the value."""
    return 1 << (int(value).bit_length() - 1)
