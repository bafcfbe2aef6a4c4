import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from protocol.messages import Usage
from sidecar.errors import RateLimited, SidecarError, Truncated, UpstreamConnect
from sidecar.observability import Metrics
from sidecar.secret import Secret
from sidecar.settings import UserLimits
from sidecar.usage import Accounts, Purpose, UsageLog

pytestmark = pytest.mark.anyio

ADA = Purpose(action="chat", provider="openai", model="m", user_id="ada", course_id="7")
COST = Usage(prompt_tokens=30, completion_tokens=20)
ESTIMATED = Usage(prompt_tokens=30, completion_tokens=0, estimated=True)
KEY = Secret("a-key-of-the-administrator")


def use(accounts: Accounts, purpose: Purpose = ADA, usage: Usage = COST, error: SidecarError | None = None) -> None:
    booking = accounts.booking(purpose, tokens=100)
    booking.admit()
    booking.settle(usage, finish_reason=None if error else "stop", error=error)


def sums(metrics: Metrics) -> dict[tuple[str, ...], float]:
    return {(total.name, *labels): value for total in metrics.sums for labels, value in total.look()}


async def test_what_a_reply_has_cost_is_summed_up_by_user_and_course() -> None:
    metrics = Metrics()
    accounts = Accounts(metrics)
    use(accounts)
    use(accounts)
    use(accounts, replace(ADA, user_id=None, course_id=None))
    ada = accounts.pseudonym("ada")
    found = sums(metrics)
    assert found["sidecar_user_tokens", ada, "input"] == 60
    assert found["sidecar_user_tokens", ada, "output"] == 40
    assert found["sidecar_user_replies", ada] == 2
    assert found["sidecar_user_replies", ""] == 1
    assert found["sidecar_course_tokens", "7", "input"] == 60
    assert found["sidecar_course_replies", ""] == 1


async def test_labels_are_bounded() -> None:
    metrics = Metrics()
    accounts = Accounts(metrics)
    for number in range(1000):
        use(accounts, replace(ADA, user_id=f"u{number}", course_id=f"c{number}"))
    found = sums(metrics)
    assert len(found) == 2 * 101 + 2 * 202
    assert sum(value for (name, *_), value in found.items() if name == "sidecar_course_tokens") == 1000 * 50


async def test_the_log_has_what_it_cost_and_a_pseudonym_and_nothing_of_the_person(tmp_path: Path) -> None:
    path = tmp_path / "usage.jsonl"
    with UsageLog(path) as log:
        accounts = Accounts(Metrics(), key=KEY, log=log)
        use(accounts)
        use(accounts, usage=ESTIMATED, error=Truncated("It broke off."))
        accounts.booking(ADA, tokens=100).share()
    whole, cut, shared = map(json.loads, path.read_text().splitlines())
    user = Accounts(Metrics(), key=KEY).pseudonym("ada")  # the same with the same key
    assert len(user) == 32
    for line in (whole, cut, shared):
        assert (line["user"], line["course"], line["action"], line["provider"], line["model"]) == (
            user, "7", "chat", "openai", "m",
        )  # fmt: skip
        assert line.keys() <= {
            "time", "action", "provider", "model", "user", "course", "outcome", "prompt_tokens", "completion_tokens",
            "estimated", "seconds",
        }  # fmt: skip
    assert (whole["outcome"], whole["prompt_tokens"], whole["completion_tokens"]) == ("stop", 30, 20)
    assert (cut["outcome"], cut["prompt_tokens"], cut["estimated"]) == ("truncated", 30, True)
    assert (shared["outcome"], shared["prompt_tokens"], shared["completion_tokens"]) == ("shared", 0, 0)


def test_without_a_key_pseudonyms_are_those_of_this_start_only() -> None:
    one, other = Accounts(Metrics()), Accounts(Metrics())
    assert one.pseudonym("ada") == one.pseudonym("ada") != one.pseudonym("bob")
    assert one.pseudonym("ada") != other.pseudonym("ada")


async def test_a_limit_counts_what_was_paid_for_and_nothing_else() -> None:
    accounts = Accounts(Metrics(), limits=UserLimits(requests_per_hour=2))
    for _ in range(5):
        use(accounts, usage=ESTIMATED, error=UpstreamConnect("The provider is down."))
        accounts.booking(ADA, tokens=100).share()
    use(accounts)
    use(accounts, usage=ESTIMATED, error=Truncated("It broke off."))
    with pytest.raises(RateLimited):
        use(accounts)
    use(accounts, replace(ADA, user_id="bob"))
    for _ in range(5):  # of nobody in particular there is no limit
        use(accounts, replace(ADA, user_id=None))


@pytest.mark.parametrize(("key", "is_known"), [(KEY, True), (Secret("another"), False), (None, False)])
async def test_after_a_restart_the_log_tells_what_was_used(tmp_path: Path, key: Secret | None, is_known: bool) -> None:
    limits = UserLimits(requests_per_day=1)
    with UsageLog(tmp_path / "usage.jsonl") as log:
        before = Accounts(Metrics(), limits=limits, key=KEY, log=log)
        use(before)
        before.booking(replace(ADA, user_id="bob"), tokens=1).share()
    with UsageLog(tmp_path / "usage.jsonl") as log:
        accounts = Accounts(Metrics(), limits=limits, key=key, log=log)
        use(accounts, replace(ADA, user_id="bob"))
        if is_known:
            with pytest.raises(RateLimited, match="1 are used"):
                use(accounts)
        else:
            use(accounts)
