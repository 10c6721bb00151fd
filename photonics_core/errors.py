"""Errors that are no wrong argument; those are `ValueError`s, raised by `kernels.checks`."""


class DeviceError(RuntimeError):
    """A device was asked for that is not there."""


class ClusterError(RuntimeError):
    """A cluster makes no progress, or cannot do the work; the message says how to go on."""
