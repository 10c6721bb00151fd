"""The job `engine`: sizes an optical engine, from all discrete choices to its figures and sensitivities."""

from collections.abc import Callable
from pathlib import Path

from photonics_core.devices import engine_report as report
from photonics_core.devices.engine_choice import front_of, size_all
from photonics_core.devices.engine_settings import EngineSettings
from photonics_core.devices.engine_tradeoffs import sensitivities
from photonics_core.jobs import Job


def run(settings: EngineSettings, out: Path, say: Callable[[str], None]) -> None:
    """Size all candidates, report the one of least energy, and write figures and results to `out`."""
    spec, technology = settings.spec, settings.devices
    say(f"engine of {spec.rate_tbps:g} Tb/s, both directions, on {spec.shoreline_mm:g} mm of edge")
    engines = size_all(spec, technology, say=say)
    is_front = front_of(engines)
    best = engines[0]
    say(report.sizing(best, spec))
    say(report.front([each for each, is_on in zip(engines, is_front, strict=True) if is_on]))
    say(report.beside(best))
    table = sensitivities(best, spec)
    say(report.sensitivity_table(table))
    out.mkdir(parents=True, exist_ok=True)
    report.save_results(out / "results.h5", engines, is_front, table, settings.model_dump())
    report.save_figures(out, engines, is_front, table, spec.log10_target)


JOB = Job("engine", "an optical engine, sized for the least energy per bit", EngineSettings, run)
