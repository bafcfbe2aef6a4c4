"""How an answer ended: what is said of it on stderr, and the exit status that it gives."""

from protocol.messages import Done
from sidecar.cli.advice import CUT_OFF, EX_IOERR, INTERRUPTED, OUTPUT_CLOSED, advise
from sidecar.cli.asking import Answer
from sidecar.cli.output import harmless
from sidecar.cli.speaking import say


def report(answer: Answer) -> int:
    """Say what there is to say, and return the exit status: 0 for a whole answer only."""
    if answer.output_failure is not None:
        reason = answer.output_failure.reason
        if reason is None:
            return OUTPUT_CLOSED
        say(f"the answer cannot be written: {reason}")
        return EX_IOERR
    end = answer.end
    if isinstance(end, Done):
        cut_off = CUT_OFF.get(end.finish_reason or "")
        if cut_off is None:
            return 0
        say(cut_off.todo)
        return cut_off.exit_status
    if answer.was_interrupted:
        say("interrupted")
        return INTERRUPTED
    todo, status = advise(end.code)
    later = f" It asks for {end.retry_after:g} s of patience." if end.retry_after else ""
    # A provider's words may stand in the message.
    say(f"{harmless(end.code)}: {' '.join(harmless(end.message).split())}{later} {todo}")
    return status
