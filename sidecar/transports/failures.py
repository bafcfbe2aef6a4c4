"""Why a transport cannot begin: one line for the administrator, and the exit status that fits (sysexits.h)."""


class ListenFailed(Exception):
    """A socket cannot be opened; `str()` says which, why, and what to do."""

    exit_status = 69  # EX_UNAVAILABLE


class AddressInUse(ListenFailed):
    """Another program has the port."""


class AnotherInstance(ListenFailed):
    """A sidecar serves this socket already, or something that is not ours to replace stands in its place."""

    exit_status = 73  # EX_CANTCREAT


class NotPermitted(ListenFailed):
    """The operating system does not let us."""

    exit_status = 77  # EX_NOPERM
