"""What tells one run from another: versions, differences said in words, and the digest of a manifest."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

#: Packages whose version may change a digit of a result.
PACKAGES = ("photonics-core", "jax", "jaxlib", "numpy", "scipy")
#: Differences that one message names.
NAMED = 6


def surroundings(platform: str) -> dict[str, Any]:
    """Precision, kind of device, versions and compiler: what a result depends on beside what it is computed from."""
    import jax

    from photonics_core.runtime import precision

    versions = {each: _version(each) for each in PACKAGES}
    quick = bool(jax.config.read("jax_disable_most_optimizations"))
    found = {"precision": precision(), "platform": platform, "versions": versions}
    return found | {"optimizations": "few" if quick else "all"}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def digest_of(facts: Any) -> str:
    """SHA-256 of what JSON holds, its keys in order."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def describe_differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """What differs between two identities, in words; empty where nothing does.

    Where the programs agree the name of the function does not count: it may have been `__main__` once.
    """
    there, here = (json.loads(json.dumps(each)) for each in (there, here))
    if there.get("program") == here.get("program"):
        there, here = ({name: each[name] for name in each if name != "function"} for each in (there, here))
    found = list(_differences("", there, here))
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return "; ".join(found[:NAMED]) + more


def _differences(name: str, there: Any, here: Any) -> Iterator[str]:
    if name == "program" and there != here:
        yield "the compiled program differs: the code of the function, a constant in it, or a shape"
    elif isinstance(there, dict) and isinstance(here, dict):
        for key in dict.fromkeys([*there, *here]):
            yield from _differences(f"{name} {key}".strip(), there.get(key), here.get(key))
    elif there != here:
        yield f"{name} is {_said(there)} there and {_said(here)} here"


def _said(value: Any) -> str:
    if value is None:
        return "absent"
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
