"""`python -m photonics_core` is the command `photonics-core`."""

from photonics_core.cli import main

main()
