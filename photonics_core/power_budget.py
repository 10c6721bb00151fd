"""Names of the causes that take power from a link, in the order in which light meets them.

One list serves the budget that computes them, the figure that draws them and the check that adds them up.
"""

#: Parts of the chain whose losses multiply.
LOSSES = (
    "split",
    "input joint",
    "modulator",
    "other modulators",
    "bus",
    "output joint",
    "fibre",
    "receiver joint",
    "polarisation",
    "filter",
)
#: Causes of penalties at the detector, in the order in which they are added.
PENALTIES = ("extinction", "rin", "phase noise", "intersymbol", "intermodulation", "leakage")
