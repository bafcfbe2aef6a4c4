"""What can go wrong on the way to a provider where another try may help; everything else is a `SidecarError`."""

from sidecar.errors import UpstreamConnect


class Unreachable(UpstreamConnect):
    """No connection came about, for a reason that may pass."""


class Cut(Exception):
    """The connection ended before what was to come on it."""
