"""The requests of one connection: which run, which wait, which ids are taken. No I/O. SPEC.md, sections 7 and 9."""

from collections.abc import Awaitable, Callable

from msgspec import Struct

from protocol.codec import Addressee
from protocol.messages import Answer, Event
from sidecar.errors import DuplicateId, Overloaded
from sidecar.session.dialect import Form

_RETRY_AFTER_SECONDS = 1.0


class Job(Struct, eq=False, kw_only=True):
    """One request from its arrival to its last message."""

    what: str
    """For the log: the action."""
    addressee: Addressee
    form: Form
    serve: Callable[["Job"], Awaitable[Event | Answer]]
    """Serves it and returns its last message."""
    has_id: bool = True
    """Whether it may go by its id; else it waits for its turn as those do that have none."""
    arrived: float
    """By `perf_counter`, as `first_sent`: uvloop's clock counts milliseconds and stands still between its waits."""
    held_bytes: int
    is_routine: bool = False
    first_sent: float | None = None
    """When its first delta was sent."""
    stop: Callable[[], None] | None = None
    """Ends what `serve` waits for; set while there is something to end."""
    is_cancelled: bool = False
    outcome: str = "done"
    """For the log: `done`, or the code of the error with which it ended."""
    outcome_if_left: str = "unread"
    """The same where the client leaves before: `left` where what it asked for goes on."""

    @property
    def id(self) -> str | None:
        return self.addressee.id if self.has_id and isinstance(self.addressee.id, str) else None

    def cancel(self) -> None:
        """Let it end soon, by its own last message."""
        self.is_cancelled = True
        if self.stop is not None:
            self.stop()


class Jobs:
    """Decides when a job begins; `begin` is called for each whose turn has come."""

    def __init__(self, begin: Callable[[Job], None], *, max_running: int, max_waiting: int, in_turn: bool) -> None:
        self._begin = begin
        self._max_running = max_running
        self._max_waiting = max_waiting
        self._in_turn = in_turn
        self._running: dict[Job, None] = {}
        self._waiting: dict[Job, None] = {}
        self._by_id: dict[str, Job] = {}
        self._nameless: Job | None = None  # the running job without id

    def __len__(self) -> int:
        return len(self._running) + len(self._waiting)

    @property
    def streaming(self) -> Job | None:
        """One of the running jobs that send events."""
        return next((job for job in self._running if job.addressee.wants_events), None)

    @property
    def is_full(self) -> bool:
        """Whether as many jobs wait as may, and some of them for their turn."""
        return len(self._waiting) >= self._max_waiting and any(job.id is None for job in self._waiting)

    @property
    def has_nameless(self) -> bool:
        """Whether a job without id runs or waits."""
        return self._nameless is not None or any(job.id is None for job in self._waiting)

    def find(self, request_id: str | None) -> Job | None:
        """Return the unfinished job of that id; None stands for the running one without id."""
        return self._nameless if request_id is None else self._by_id.get(request_id)

    def submit(self, job: Job) -> None:
        """Begin `job` now or later.

        Raises:
            DuplicateId: a job of this id is not finished; without ids, only one at a time is served in frames.
            Overloaded: too many wait.
        """
        if job.id is not None and job.id in self._by_id:
            raise DuplicateId("A request with this id is running on this connection.")
        if job.id is None and not self._in_turn and self.has_nameless:
            raise DuplicateId("A request without id is running on this connection; give ids to run several at once.")
        if self._may_begin(job):
            self._claim_id(job)
            self._run(job)
        elif len(self._waiting) < self._max_waiting:
            self._claim_id(job)
            self._waiting[job] = None
        else:
            raise Overloaded(
                f"{len(self._running)} requests run and {self._max_waiting} wait on this connection: no more may wait.",
                retry_after=_RETRY_AFTER_SECONDS,
            )

    def withdraw(self, job: Job) -> bool:
        """Take a job back that has not begun; False where it has."""
        if job not in self._waiting:
            return False
        del self._waiting[job]
        self._release_id(job)
        return True

    def finish(self, job: Job) -> None:
        """Say that a job has sent its last message; others may begin."""
        del self._running[job]
        self._release_id(job)
        if job is self._nameless:
            self._nameless = None
        for waiting in [*self._waiting]:
            if len(self._running) >= self._max_running:
                break
            if self._may_begin(waiting):
                del self._waiting[waiting]
                self._run(waiting)

    def _may_begin(self, job: Job) -> bool:
        return len(self._running) < self._max_running and (job.id is not None or self._nameless is None)

    def _run(self, job: Job) -> None:
        self._running[job] = None
        if job.id is None:
            self._nameless = job
        self._begin(job)

    def _claim_id(self, job: Job) -> None:
        if job.id is not None:
            self._by_id[job.id] = job

    def _release_id(self, job: Job) -> None:
        if job.id is not None:
            del self._by_id[job.id]
