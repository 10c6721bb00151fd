"""Names that `validate` and `bench` take, without loading what computes them: for completion and early messages."""

from collections.abc import Iterable

from photonics_core.suggestions import did_you_mean

VALIDATE = (
    "arbitration",
    "batch",
    "carriers",
    "couplers",
    "drift",
    "edge_coupler",
    "engine",
    "errors",
    "fiber",
    "fiber_array",
    "fibres",
    "films",
    "grating_coupler",
    "gratings",
    "heat",
    "layout",
    "link",
    "modes",
    "modulator",
    "networks",
    "nonlinear",
    "optimise",
    "pulsation",
    "rings",
    "section_heat",
    "signals",
    "sources",
    "switches",
    "systems",
    "tuning",
    "wafer",
    "wafer_test",
    "wdm",
)
BENCH = (
    "batch",
    "couplers",
    "fiber",
    "fiber_array",
    "films",
    "grating_coupler",
    "heat",
    "link",
    "modes",
    "modulator",
    "networks",
    "optimise",
    "rings",
    "wafer_test",
)
SUBJECTS: dict[str, tuple[str, ...]] = {"validate": VALIDATE, "bench": BENCH}


def check_subjects(command: str, names: Iterable[str]) -> None:
    """Raise a `ValueError` for the first name that belongs to no subject of a command, with the nearest that does."""
    known = SUBJECTS[command]
    for name in names:
        if name.split(".")[0] not in known:
            listed = ", ".join(map(repr, known))
            raise ValueError(f"subject = {name!r} is not one of {listed}{did_you_mean(name, known)}")
