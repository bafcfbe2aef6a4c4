import pytest

from sidecar.observability.traces import describe


def fail(exc: BaseException) -> None:
    raise exc


def caught(exc: BaseException) -> BaseException:
    with pytest.raises(type(exc)) as found:
        fail(exc)
    return found.value


def test_it_names_the_type_and_the_calls_the_innermost_last() -> None:
    described = describe(caught(ZeroDivisionError()))
    assert described.startswith("ZeroDivisionError (in observability/test_traces.py:")
    assert described.index(" caught > observability/test_traces.py:") < described.index(" fail)")


def test_what_was_never_raised_has_no_calls() -> None:
    assert describe(KeyError()) == "KeyError"


@pytest.mark.parametrize(
    "exc", [KeyError("canary"), ValueError("canary"), UnicodeDecodeError("utf-8", b"canary", 0, 1, "x")]
)
def test_a_text_that_may_quote_a_person_is_left_out(exc: Exception) -> None:
    assert "canary" not in describe(caught(exc))


@pytest.mark.parametrize(
    ("exc", "text"),
    [
        (TypeError("no len()"), "TypeError: no len()"),
        (FileNotFoundError(2, "No such file"), "FileNotFoundError: [Errno 2] No such file"),
    ],
)
def test_a_text_about_code_is_kept(exc: Exception, text: str) -> None:
    assert describe(exc) == text


def test_a_foreign_type_has_its_module() -> None:
    class Foreign(RuntimeError):
        pass

    assert describe(Foreign("canary")) == f"{__name__}.{Foreign.__qualname__}"


def test_a_cause_follows() -> None:
    with pytest.raises(RuntimeError) as found:
        raise RuntimeError("outer") from caught(KeyError())
    assert "; caused by KeyError (in " in describe(found.value)


def test_what_was_handled_meanwhile_follows() -> None:
    later = RuntimeError("later")
    later.__context__ = caught(KeyError())
    assert "; raised while handling KeyError (in " in describe(later)


def test_what_was_hidden_stays_hidden() -> None:
    later = RuntimeError("later")
    later.__context__ = caught(KeyError())
    later.__suppress_context__ = True
    assert describe(later) == "RuntimeError: later"


def test_the_members_of_a_group_follow() -> None:
    assert describe(ExceptionGroup("canary", [KeyError(), TypeError("x")])) == (
        "ExceptionGroup; which holds KeyError; which holds TypeError: x"
    )


def test_it_is_bounded() -> None:
    def recurse(depth: int) -> None:
        if depth == 0:
            raise ExceptionGroup("many", [KeyError()] * 1000)
        recurse(depth - 1)

    with pytest.raises(ExceptionGroup) as found:
        recurse(200)
    described = describe(found.value)
    assert described.count("recurse") == 20
    assert described.count("which holds") == 7
