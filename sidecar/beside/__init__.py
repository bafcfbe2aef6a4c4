"""The sidecar in the container of another program, such as Apache with Moodle: PID 1 there, which runs both.

Only the standard library is imported here: it stays in memory for as long as the container runs.
"""

from sidecar.beside.supervisor import supervise

__all__ = ["supervise"]
