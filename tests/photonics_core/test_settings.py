"""Settings are merged only where nothing can tell them apart."""

import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import LinearIndex
from photonics_core.netlist import NetlistError
from photonics_core.settings import Setup, content_key, split


def function():
    pass


class Opaque:
    """Says nothing of itself, and has no equality of its own."""

    def __repr__(self):
        return "Opaque"


class Uncomparable:
    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def __eq__(self, other):
        raise RuntimeError


SHARED = Opaque()
SAME = [
    (1, 1),
    ("a", "a"),
    (None, None),
    (np.arange(3), np.arange(3)),
    (jnp.arange(3), jnp.arange(3)),
    ({"a": [1, "x"]}, {"a": [1, "x"]}),
    ({1: 2, "a": 3}, {1: 2, "a": 3}),
    ({1, 2}, {2, 1}),
    (function, function),
    (SHARED, SHARED),
    (float("nan"), float("nan")),
]
DIFFERENT = [
    (1, 2),
    (1, 1.0),
    (1, True),
    (0.0, -0.0),
    (np.arange(3), np.arange(3) + 1),
    (np.arange(3), np.arange(3).astype(np.int32)),
    (np.zeros(2000, int), np.eye(1, 2000, 1000, dtype=int)[0]),
    (np.arange(4), np.arange(4).reshape(2, 2)),
    (np.array([SHARED]), np.array([SHARED])),
    (jnp.arange(3), jnp.arange(3) + 1),
    ({1: 2, "a": 3}, {1: 2, "a": 4}),
    ((1, 2), [1, 2]),
    (lambda: 1, lambda: 1),
    (Opaque(), Opaque()),
    (Uncomparable(), Uncomparable()),
    (LinearIndex(2.4, 4.2, 1.55), LinearIndex(2.4, 4.2, 1.5)),
]


@pytest.mark.parametrize("one, other", SAME)
def test_equal_content_has_equal_keys(one, other):
    first, second = content_key(one), content_key(other)
    assert first == second and hash(first) == hash(second)


@pytest.mark.parametrize("one, other", DIFFERENT)
def test_different_content_has_different_keys(one, other):
    assert content_key(one) != content_key(other)


def test_numbers_are_taken_out_of_devices_and_put_back():
    index = LinearIndex(2.4, 4.2, 1.55)
    setup = split({"index": index, "length": 3, "count": 2, "name": "x"}, {"length": 1.0, "count": 1})
    assert set(setup.numbers) == {"index", "length"} and setup.numbers["index"].n_eff == 2.4
    values = setup.values()
    assert values["index"] == index and values["count"] == 2 and values["name"] == "x" and values["length"] == 3.0


def test_complex_and_real_numbers_are_no_batch():
    one, other = (Setup({"x": np.asarray(value)}, {}) for value in (1.0, 1.0j))
    assert one.key() != other.key()


@pytest.mark.parametrize("value", ["x", True, b"x", [1.0, 2.0], np.ones(1), jnp.ones(2)])
def test_no_single_number_is_refused(value):
    with pytest.raises(NetlistError, match="length = .* (is no|is not a single) number"):
        split({"length": value}, {"length": 10.0})
