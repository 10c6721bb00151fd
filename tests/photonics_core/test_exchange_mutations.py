"""Thousands of damaged files and dicts: each is read, or refused by the one error of its reader that names the file."""

import copy
import json
import random
import warnings
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import AddDropRing, LinearIndex, PointCoupler, SMatrix
from photonics_core.circuit import Circuit
from photonics_core.exchange_lumerical import read_lumerical, write_lumerical
from photonics_core.exchange_netlist import netlist_from_dict, read_netlist
from photonics_core.exchange_sparameters import SParameterError, SParameterFile
from photonics_core.exchange_touchstone import read_touchstone, write_touchstone
from photonics_core.netlist import NetlistError

pytest.importorskip("skrf")
yaml = pytest.importorskip("yaml")

NETLIST = {
    "arm": {
        "instances": {"s": {"component": "straight", "settings": {"length": 10.0, "layer": None}, "info": {"n": 1}}},
        "ports": {"o1": "s,o1", "o2": "s,o2"},
    },
    "mzi": {
        "name": "mzi",
        "instances": {
            "in": "mmi1x2",
            "out": {"component": "mmi1x2", "settings": {"cross_section": "strip", "sizes": [1, 2.5, "x"]}},
            "top": {"component": "arm", "array": {"columns": 2, "rows": 1}},
            "bottom": "arm",
        },
        "connections": {"in,o2": "top<0.0>,o1", "top<0.0>,o2": "top<1.0>,o1"},
        "nets": [{"p1": "in,o3", "p2": "bottom,o1"}],
        "routes": {"optical": {"links": {"top<1.0>,o2": "out,o2", "bottom,o2": "out,o3"}}},
        "ports": {"o1": "in,o1", "o2": "out,o1"},
        "placements": {"in": {"x": 0.0}},
    },
}
JUNK = [
    "nan",
    "inf",
    "-1",
    "0",
    "1e999",
    "",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    '"',
    "'",
    ",",
    ":",
    "\0",
    "\n",
    "\t",
    "é",
    "9" * 40,
]
JUNK += ["null", "true", "!", "#", "*a", "&a", "<<", "-", "|", "@", "\ud7ff", "1_0", "0x1", "2020-01-01", "1:30", "% "]
VALUES: list = [None, True, 0, -1, 10**30, 1.5, float("nan"), "", "x", "a,o1", "in,o2", [], [[]], {}, {"": 1}, {1: 2}]
VALUES += [{"p1": "in,o2"}, {"component": "arm"}, {"links": None}, ("a", "b"), b"x", {1}, object, 1j, "top<9.9>,o1"]


def damaged_text(text: str, rng: random.Random) -> str:
    """The text with one to three pieces cut, doubled, moved or replaced by junk."""
    for _ in range(rng.randint(1, 3)):
        text = _damaged_once(text, rng)
    return text


def _damaged_once(text: str, rng: random.Random) -> str:
    a = rng.randrange(len(text) + 1)
    b = min(len(text), a + rng.choice([0, 1, 1, 2, 5, 20, 200]))
    lines = text.split("\n")
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    damages = [
        lambda: text[:a] + text[b:],
        lambda: text[:a] + rng.choice(JUNK) + text[b:],
        lambda: text[:a] + text[a:b] * 2 + text[b:],
        lambda: text[:a],
        lambda: "\n".join(lines[:i] + lines[i + 1 :]),
        lambda: "\n".join([*lines[:i], lines[j], *lines[i:]]),
        lambda: "\n".join([*lines[:i], rng.choice(JUNK) + lines[i], *lines[i + 1 :]]),
        lambda: _with_another_field(lines, i, rng),
    ]
    return rng.choice(damages)()


def _with_another_field(lines: list[str], i: int, rng: random.Random) -> str:
    fields = lines[i].split(" ")
    fields[rng.randrange(len(fields))] = rng.choice(JUNK)
    return "\n".join([*lines[:i], " ".join(fields), *lines[i + 1 :]])


def damaged_dict(content: dict, rng: random.Random) -> dict:
    """A copy with one to three entries, at any depth, replaced, renamed, doubled or taken away."""
    content = copy.deepcopy(content)
    for _ in range(rng.randint(1, 3)):
        places = [(content, key) for key in content]
        for holder, key in places:
            inner = holder[key]
            if isinstance(inner, dict | list):
                places += [(inner, k) for k in (inner if isinstance(inner, dict) else range(len(inner)))]
        if not places:
            break
        holder, key = rng.choice(places)
        action = rng.randrange(3)
        if action == 0:
            # A copy: what is put in may be damaged next, and must not become part of itself.
            holder[key] = copy.deepcopy(rng.choice(VALUES))
        elif action == 1:
            del holder[key]
        elif isinstance(holder, dict):
            holder[rng.choice(["", "x", "in", 5, None, "o1", "a<0.0>"])] = holder.pop(key)
    return content


def matrices() -> SMatrix:
    device = AddDropRing(10.0, PointCoupler(0.3), PointCoupler(0.4), LinearIndex(2.4, 4.2, 1.55))
    return device.scattering(np.linspace(1.545, 1.555, 3))


def two_ports() -> SMatrix:
    four = matrices()
    return SMatrix(four.values[:, :2, :2], ("o1@TE", "o1@TM"), four.wl)


@pytest.fixture(scope="module")
def originals(tmp_path_factory) -> dict[str, str]:
    """One sound text of each kind of file, by the name of the file."""
    folder = tmp_path_factory.mktemp("sound")
    write_touchstone(folder / "a.s4p", matrices())
    write_touchstone(folder / "b.s2p", two_ports())
    write_lumerical(folder / "a.sparam", matrices())
    write_lumerical(folder / "b.dat", two_ports())
    texts = {path.name: path.read_text() for path in folder.iterdir()}
    head, _, data = texts["b.s2p"].partition("!freq")
    keywords = "[Number of Ports] 2\n[Two-Port Data Order] 21_12\n[Number of Frequencies] 3\n[Network Data]\n"
    texts["c.ts"] = f"[Version] 2.0\n{head}{keywords}!{data}[End]\n"
    texts["c.txt"] = "(3, 9)\n" + "\n".join(f"{f}e14 " + "0.3 1.5 " * 4 for f in (1.92, 1.93, 1.94))
    texts["a.json"] = json.dumps(NETLIST, indent=1)
    texts["a.yml"] = yaml.safe_dump(NETLIST)
    return texts


def reader_of(name: str) -> tuple[Callable, type[ValueError]]:
    suffix = name.rpartition(".")[2]
    if suffix in ("json", "yml"):
        return read_netlist, NetlistError
    return (read_touchstone if suffix in ("s4p", "s2p", "ts") else read_lumerical), SParameterError


FILES = ["a.s4p", "b.s2p", "c.ts", "a.sparam", "b.dat", "c.txt", "a.json", "a.yml"]
#: Damaged files of each kind, and damaged dicts: ten thousand in all.
FILE_COUNT, DICT_COUNT, CIRCUIT_COUNT = 1100, 1200, 1000


def outcome(read: Callable, path, error_kind: type[ValueError]) -> bool:
    """Whether the file was read; any error but the one of the reader, that names the file, goes on to the test."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", UserWarning)
        try:
            result = read(path)
        except error_kind as error:
            assert str(error).startswith(f"{path}: ") and len(str(error)) > len(f"{path}: ")
            return False
    if isinstance(result, SParameterFile):
        assert np.all(np.isfinite(result.smatrix.values)) and np.all(np.diff(result.smatrix.wl) > 0.0)
    return True


@pytest.mark.parametrize("name", FILES)
def test_damaged_files(tmp_path, originals, name):
    read, error_kind = reader_of(name)
    path = tmp_path / name
    path.write_text(originals[name])
    assert outcome(read, path, error_kind), "the sound file must be read"
    rng = random.Random(name)
    good = 0
    for _ in range(FILE_COUNT):
        path.write_text(damaged_text(originals[name], rng), encoding="utf-8")
        good += outcome(read, path, error_kind)
    # The mutations must neither all be harmless nor all be fatal, or this tests nothing.
    assert 0 < good < 0.9 * FILE_COUNT


def leg(wl=1.55, length=10.0, n=1.0):
    """Two ports, both ways."""
    amplitude = 0.9 * jnp.exp(1j * wl * n * length)
    return {("o1", "o2"): amplitude, ("o2", "o1"): amplitude}


def splitter():
    pairs = {("o1", "o2"): 0.7, ("o1", "o3"): 0.7}
    return pairs | {(b, a): value for (a, b), value in pairs.items()}


@pytest.mark.slow
def test_circuits_of_damaged_dicts():
    """A damaged netlist that can be read makes a circuit, or is refused by one kind of error."""
    rng, seen = random.Random(11), {"computed": 0, "refused": 0}
    models = {"straight": leg, "mmi1x2": splitter}
    with jax.disable_jit(), jax.numpy_dtype_promotion("standard"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(CIRCUIT_COUNT):
            try:
                netlist = netlist_from_dict(damaged_dict(NETLIST, rng))
                assert Circuit(netlist, models, lenient=True).amplitudes(1.55).ndim == 2
                seen["computed"] += 1
            except ValueError as error:
                assert str(error)
                seen["refused"] += 1
    assert min(seen.values()) > CIRCUIT_COUNT // 20


def test_damaged_dicts():
    rng = random.Random(7)
    good = 0
    for _ in range(DICT_COUNT):
        content = damaged_dict(NETLIST, rng)
        good += outcome(lambda path, content=content: netlist_from_dict(content, source=path), "chip", NetlistError)
    assert 0 < good < 0.9 * DICT_COUNT
