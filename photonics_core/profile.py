"""A change of index over a cross-section, as by doping or heat."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.kernels.checks import is_concrete


class ProfileFunction(eqx.Module):
    """A plain function as a profile, without parameters of its own."""

    function: Callable[..., Any] = eqx.field(static=True)

    def __call__(self, x: Any, y: Any, medium: Any) -> Any:
        """Change of the index at x and y in um in a medium of this number."""
        return self.function(x, y, medium)


def as_profile(value: Any) -> Any:
    """A profile from a function or a callable module; None stays None."""
    return value if value is None or isinstance(value, eqx.Module) else ProfileFunction(value)


def check_mirrored(profile: Any, mirrored: tuple[bool, bool], media: int) -> None:
    """Raise a `ValueError` for a profile that is not its own mirror image where the section is taken to be.

    It is tried at some points of all media; a profile with traced parameters is not.
    """
    if profile is None or not any(mirrored) or not is_concrete(*jax.tree.leaves(profile)):
        return
    random = np.random.default_rng(0)
    x, y = (jnp.asarray(random.uniform(0.01, 0.6, (media, 16))) for _ in range(2))
    number = jnp.broadcast_to(jnp.arange(media)[:, None], x.shape)
    for axis, name in enumerate("xy"):
        if not mirrored[axis]:
            continue
        here = profile(x, y, number)
        there = profile(-x, y, number) if axis == 0 else profile(x, -y, number)
        if is_concrete(here, there) and not np.allclose(here, there, rtol=1e-6, atol=1e-12):
            raise ValueError(f"the profile is not symmetric about {name} = 0, as the section is; call unfolded() first")
