import copy
import pickle

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.secret import InvalidSecret, Secret

TEXT = "sk-canary-0123456789"


def test_only_reveal_shows_it() -> None:
    secret = Secret(TEXT)
    assert secret.reveal() == TEXT
    for shown in (repr(secret), str(secret), f"{secret}", f"{secret:>40}", f"{secret!a}", "%s %r" % (secret, secret)):  # noqa: UP031
        assert "canary" not in shown
    assert "canary" not in repr([secret])


def test_a_copy_is_the_secret_itself() -> None:
    secret = Secret(TEXT)
    assert copy.copy(secret) is secret
    assert copy.deepcopy([secret])[0] is secret


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_is_not_pickled(protocol: int) -> None:
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(Secret(TEXT), protocol)


def test_it_is_not_encoded() -> None:
    with pytest.raises(TypeError):
        msgspec.json.encode(Secret(TEXT))


def test_it_is_no_key_of_a_dict() -> None:
    with pytest.raises(TypeError):
        hash(Secret(TEXT))


def test_secrets_of_one_text_are_equal_and_a_text_is_no_secret() -> None:
    assert Secret(TEXT) == Secret(TEXT)
    assert Secret(TEXT) != Secret(TEXT + "x")
    assert Secret(TEXT) != TEXT


@given(st.text(alphabet=st.characters()) | st.just(TEXT))
def test_it_matches_its_own_text_and_no_other(candidate: str) -> None:
    assert Secret(TEXT).matches(candidate) == (candidate == TEXT)


@pytest.mark.parametrize("candidate", ["", "é", "\ud800", TEXT[:-1], TEXT + "\n", "x" * 100_000])
def test_any_candidate_can_be_compared(candidate: str) -> None:
    assert not Secret(TEXT).matches(candidate)


@pytest.mark.parametrize("end", ["\n", "\r\n", " \t\n"])
def test_white_space_behind_it_is_dropped(end: str) -> None:
    assert Secret(TEXT + end).reveal() == TEXT


@pytest.mark.parametrize("text", ["x", "x" * 512])
def test_one_to_512_characters_are_enough(text: str) -> None:
    assert Secret(text).reveal() == text


@pytest.mark.parametrize(
    "text", ["", " \n", "x" * 513, " canary", "cana ry", "cana\nry", "canary\0", "canaryé", "\ufeffcanary"]
)
def test_what_cannot_stand_in_a_header_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(
        InvalidSecret, match=r"\Aa secret has 1 to 512 printable ASCII characters and no blanks\Z"
    ) as caught:
        Secret(text)
    assert "canary" not in repr(caught.value)


def test_what_is_forgotten_is_not_revealed() -> None:
    secret = Secret("canary-0123456789")
    secret.forget()
    with pytest.raises(RuntimeError, match="forgotten"):
        secret.reveal()
    assert not secret.matches("canary-0123456789")
