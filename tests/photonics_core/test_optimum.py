import numpy as np

from photonics_core.optimum import Ends, Optimum


def pitches(count, active):
    """A constraint of many numbers, of which some are active."""
    chosen = np.isin(np.arange(count), active)
    values = np.where(chosen, 0.0, -1.0 - np.arange(count))
    return Ends("pitch", "inequality", values - 5.0, values, np.where(chosen, 0.5, 0.0), chosen)


def run(*ends, **more):
    history = {"objective": np.asarray([3.0, 2.0, 2.5])}
    return Optimum({}, 2.0, 1, history, ends=ends, start_value=3.0, **more)


def test_a_run_without_constraints_has_a_short_report():
    assert run().report() == "objective 3 -> 2, met at step 1 of 2 taken\nended: at the last step"


def test_active_numbers_of_a_long_array_are_shown_first():
    lines = run(pitches(40, [3, 17, 39])).report().splitlines()
    rows = [line.split() for line in lines if line.startswith("pitch")]
    shown = [row[0] for row in rows[:-1]]
    assert shown == [f"pitch[{k}]" for k in (0, 1, 2, 3, 4, 5, 17, 39)]
    assert [row[-1] for row in rows if row[0] == "pitch[17]"] == ["0.5"]
    assert rows[-1] == ["pitch", "...", "32", "more", "3", "in", "all"]


def test_what_is_wrong_is_said():
    report = run(pitches(2, []), is_feasible=False, violation=0.25, halved=(4, 7), stopped="lost").report()
    assert "constraints: NOT feasible, largest violation 0.25 of its scale" in report
    assert "went back and halved the step: 2 times, at steps 4, 7" in report
    assert "ended: lost" in report


def test_multipliers_and_active_by_name():
    side = Ends(".side", "parameter", np.ones(2), np.ones(2), np.zeros(2), np.zeros(2, bool), np.zeros(2), np.ones(2))
    found = run(side, pitches(3, [1]))
    assert list(found.multipliers) == ["pitch"] and list(found.active) == [".side", "pitch"]
    np.testing.assert_array_equal(found.multipliers["pitch"], [0.0, 0.5, 0.0])


def test_of_a_long_array_the_numbers_nearest_to_a_limit_are_shown():
    values = -np.abs(np.arange(40.0) - 30.2)
    lines = run(Ends("gap", "inequality", values, values, 0.0 * values, values > 0.0)).report().splitlines()
    shown = [line.split()[0] for line in lines if line.startswith("gap[")]
    assert shown == [f"gap[{k}]" for k in range(27, 35)]
