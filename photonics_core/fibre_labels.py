"""Names of the modes of a round fibre: kind, azimuthal order l and radial number m, as in HE11, TE01 or LP02."""

import functools
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from photonics_core.kernels import fibre_modes
from photonics_core.kernels.checks import check_range

#: Largest normalised frequency and azimuthal order: some 2500 different vector modes.
LARGEST = 100.0
#: Kinds of modes of each family.
FAMILIES: dict[str, tuple[str, ...]] = {"vector": ("HE", "EH", "TE", "TM"), "scalar": ("LP",)}


class Label(NamedTuple):
    """Kind, azimuthal order and radial number of a mode."""

    kind: str
    order: int
    number: int

    @property
    def name(self) -> str:
        """What `parse` reads: "HE11", or "HE12,1" where a number has two digits."""
        comma = "" if max(self.order, self.number) < 10 else ","
        return f"{self.kind}{self.order}{comma}{self.number}"

    @property
    def family(self) -> str:
        """The family of its kind, "vector" or "scalar"."""
        return "scalar" if self.kind == "LP" else "vector"

    @property
    def degeneracy(self) -> int:
        """How many modes of either polarisation or direction have this name."""
        return (2 if self.order else 1) * (2 if self.kind == "LP" else 1)


@functools.cache
def parse(mode: str) -> Label:
    """Label of a mode of the name `mode`.

    Raises:
        ValueError: for a name that no mode has.
    """
    match = re.fullmatch(r"(LP|HE|EH|TE|TM)(?:(\d)(\d)|(\d+),(\d+))", mode) if isinstance(mode, str) else None
    if match is None:
        raise ValueError(f"mode = {mode!r} is not a name such as 'HE11', 'TE01', 'LP02' or 'HE12,1'")
    label = Label(match[1], int(match[2] or match[4]), int(match[3] or match[5]))
    fibre_modes.check_label(*label)
    check_range("azimuthal order", label.order, 0, LARGEST)
    return label


def guided(family: str, v: float, contrast: float) -> list[Label]:
    """Every guided mode of a family, on the host, at a normalised frequency `v` and `contrast` = 1 - (n2 / n1)^2.

    Raises:
        ValueError: for a normalised frequency above `LARGEST`.
    """
    check_range("normalised frequency", v, 0.0, LARGEST)
    found = []
    for kind in FAMILIES[family]:
        orders = (0,) if kind in ("TE", "TM") else range(0 if kind == "LP" else 1, int(LARGEST) + 1)
        for order in orders:
            number = 1
            while fibre_modes.cutoff(kind, order, number, contrast) < v:
                found.append(Label(kind, order, number))
                number += 1
            if number == 1:  # cut-offs rise with the order
                break
    return found


def branches(labels: Sequence[Label], count: int) -> fibre_modes.Branch:
    """Branches of all labels, the last repeated up to `count`."""
    parts = [fibre_modes.branch(*label) for label in labels]
    parts += [parts[-1]] * (count - len(parts))
    return fibre_modes.Branch(*(np.stack(part) for part in zip(*parts, strict=True)))


def recurrence_steps(labels: Sequence[Label]) -> int:
    """Steps of the kernels' recurrence for all labels: few different numbers, so that few programs are compiled."""
    order = max(label.order for label in labels)
    return max(4, 1 << (order - 1).bit_length()) if order else 4
