"""What tests of replies share: a reply, and a reader that notes what it takes."""

from dataclasses import dataclass, field

from sidecar.providers import Stage
from sidecar.replies import End, Reader, Reply
from sidecar.replies.log import ReplyLog
from sidecar.replies.reply import Call
from tests.replies.fakes import PROMPT


def new_reply(call: Call | None = None) -> Reply:
    return Reply("r_1", call or Call(PROMPT), user_id=None, is_detached=True, is_shared=False)


@dataclass
class Seen:
    """All that one reader was given, in order."""

    texts: list[str] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    ends: list[End] = field(default_factory=list)

    def look(self, reader: Reader) -> bool:
        """Take what is there as a session does; True at the end."""
        if (stage := reader.take_stage()) is not None:
            self.stages.append(stage)
        batch = reader.take()
        self.texts += batch
        if not batch and reader.end is not None:
            self.ends.append(reader.end)
        return bool(self.ends)

    async def follow(self, reader: Reader) -> None:
        """Read to the end."""
        while True:
            await reader.wait()
            if self.look(reader):
                return


def happen(log: ReplyLog, step: str | Stage) -> None:
    if isinstance(step, Stage):
        log.report(step)
    else:
        log.append(step.encode())
