import time

import pytest

from sidecar.observability import Seldom


def test_it_is_said_the_first_time_and_then_every_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter((50.0, 50.1, 59.9, 60.0, 65.0, 70.1))
    monkeypatch.setattr(time, "monotonic", lambda: next(times))
    seldom = Seldom()
    assert [seldom.is_due() for _ in range(6)] == [True, False, False, True, False, True]
