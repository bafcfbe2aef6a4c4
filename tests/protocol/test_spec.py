"""SPEC.md says what the code does: its tables are the structs, its examples are messages."""

import re
from collections.abc import Iterable
from typing import get_args

import pytest
from msgspec import Struct, UnsetType, inspect

from protocol import PROTOCOL_VERSION
from protocol.errors import STATUS, Code
from protocol.framing import MAX_PAYLOAD_BYTES
from protocol.messages import (
    Analyze,
    Cancel,
    Chat,
    ClientMessage,
    Delta,
    Done,
    Error,
    Failure,
    FinishReason,
    Generate,
    Heartbeat,
    Ping,
    Progress,
    Resume,
    SelfTest,
    ServerEvent,
    Start,
    Success,
    Summarize,
    Ticket,
    Turn,
    Usage,
)
from protocol.results import Analysis
from sidecar.settings.options import OPTIONS
from tests.protocol.spec import TEXT, Table, sections, tables

_WORDS = {
    inspect.DictType: "object",
    inspect.StrType: "string",
    inspect.LiteralType: "string",
    inspect.IntType: "integer",
    inspect.FloatType: "number",
    inspect.BoolType: "boolean",
    inspect.NoneType: "null",
}


def _own_fields(kind: type[Struct]) -> list[inspect.Field]:
    """Return the fields that `kind` has and its base has not."""
    inherited = set(getattr(kind.__base__, "__struct_fields__", ()))
    return [field for field in _fields(kind) if field.name not in inherited]


def _fields(kind: type[Struct]) -> list[inspect.Field]:
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    return list(info.fields)


def _parts(kind: inspect.Type) -> list[inspect.Type]:
    return list(kind.types) if isinstance(kind, inspect.UnionType) else [kind]


def _type_words(field: inspect.Field, *, with_null: bool) -> str:
    """Return what SPEC.md writes for the type of a field."""
    words = []
    for part in _parts(field.type):
        match part:
            case inspect.VarTupleType(item_type=item):
                words.append("array of turns" if isinstance(item, inspect.StructType) else "array of strings")
            case inspect.StructType(cls=cls):
                words.append(cls.__name__.lower())
            case inspect.NoneType() if not with_null:
                pass
            case _:
                words.append(_WORDS[type(part)])
    return " or ".join(words)


def _check_types(table: Table, fields: Iterable[inspect.Field], *, with_null: bool = False) -> None:
    assert list(zip(table.column("field"), table.column("type"), strict=True)) == [
        (field.name, _type_words(field, with_null=with_null)) for field in fields
    ]


_REQUEST_TABLES = [
    ("3.2", 0, Generate),
    ("3.2", 1, Turn),
    ("3.2", 2, Summarize),
    ("3.2", 3, Analyze),
    ("3.3", 0, Cancel),
    ("3.4", 0, Resume),
    ("3.5", 0, Ticket),
    ("3.7", 0, SelfTest),
]


def _request_table(section: str, index: int) -> Table:
    table = tables(section)[index]
    if section == "3.1":
        assert table.rows.pop(0)["field"] == "action"
    return table


@pytest.mark.parametrize(("section", "index", "kind"), [("3.1", 0, ClientMessage), *_REQUEST_TABLES])
def test_the_tables_of_requests_are_the_structs(section: str, index: int, kind: type[Struct]) -> None:
    table, fields = _request_table(section, index), _own_fields(kind)
    _check_types(table, fields)
    for row, field in zip(table.rows, fields, strict=True):
        assert (row["default"] == "required") == field.required, field.name


def test_chat_and_ping_have_no_fields_of_their_own() -> None:
    assert not _own_fields(Chat)
    assert not _own_fields(Ping)
    assert not _own_fields(Heartbeat)


@pytest.mark.parametrize(("section", "index", "kind"), [("3.1", 0, ClientMessage), *_REQUEST_TABLES])
def test_the_limits_of_requests_are_those_of_the_types(section: str, index: int, kind: type[Struct]) -> None:
    patterns = {name: pattern for name, pattern, _ in _patterns()}
    for row, field in zip(_request_table(section, index).rows, _own_fields(kind), strict=True):
        limit = row["limit"]
        numbers = [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", limit)]
        for part in _parts(field.type):
            match part:
                case inspect.NoneType():
                    pass
                case inspect.LiteralType(values=values):
                    assert set(limit.split(", ")) == set(values)
                case inspect.StrType(pattern=str(pattern), max_length=most):
                    assert patterns[limit.split(";")[0]] == pattern
                    assert most is None or numbers == [most]
                case inspect.StrType(max_length=int(most)) | inspect.VarTupleType(max_length=int(most)):
                    assert numbers[0] == most
                case inspect.IntType(ge=least, le=most) if field.name.endswith("_id"):
                    assert limit.endswith("integer: 64 bits")
                    assert (least, most) == (-(2**63), 2**63 - 1)
                case inspect.IntType(ge=least, le=most) | inspect.FloatType(ge=least, le=most):
                    assert numbers == [least, most]
                case _:
                    assert limit == "" or "bytes: 9" in limit


def _patterns() -> list[tuple[str, str, str]]:
    """Return name, pattern as Python writes it, and fields for each row of the table of patterns."""
    table = tables("3")[0]
    assert table.header == ["name", "pattern", "for"]
    rows = []
    for row in table.rows:
        body = re.fullmatch(r"/(.*)\\z/u?", row["pattern"])
        assert body, row
        rows.append((row["name"], body[1].replace("\\/", "/") + r"\Z", row["for"]))
    return rows


def test_the_patterns_say_for_which_fields_they_are() -> None:
    for name, _, fields in _patterns():
        named = set(re.findall(r"[a-z_]+", fields.split(":")[0]))
        of_that_limit = {
            row["field"]
            for section, index, _ in [("3.1", 0, ClientMessage), *_REQUEST_TABLES]
            for row in _request_table(section, index).rows
            if row["limit"].split(";")[0] == name
        }
        assert named == of_that_limit


def test_the_eight_actions_are_named() -> None:
    named = re.search(r"A request's `action` is one of (.*?)\.", sections()["3"], flags=re.DOTALL)
    assert named
    kinds = (Chat, Summarize, Analyze, Cancel, Resume, Ticket, Ping, SelfTest)
    assert re.findall(r"`(\w+)`", named[1]) == [kind.__struct_config__.tag for kind in kinds]


_REPLY_TABLES = [("4.1", 0, Start), ("4.2", 0, Delta), ("4.3", 0, Progress), ("4.4", 2, Usage), ("4.5", 0, Error)]


@pytest.mark.parametrize(("section", "index", "kind"), [*_REPLY_TABLES, ("5", 0, Success), ("5", 1, Failure)])
def test_the_tables_of_events_and_answers_are_the_structs(section: str, index: int, kind: type[Struct]) -> None:
    table, fields = tables(section)[index], _own_fields(kind)
    by_name = {field.name: field for field in fields}
    assert set(table.column("field")) == by_name.keys()
    for row in table.rows:
        field = by_name[row["field"]]
        assert row["type"] == _type_words(field, with_null=field.name == "id"), field.name
        default = "always" if field.required else "false" if field.default is False else "absent"
        assert row["default"] == default, field.name


def test_the_table_of_all_events_is_their_base() -> None:
    table = tables("4")[0]
    assert table.rows.pop(0)["field"] == "event"
    _check_types(table, _fields(ServerEvent), with_null=True)
    assert ServerEvent.__annotations__["id"] == str | UnsetType | None


def test_the_table_of_the_result_is_the_struct() -> None:
    (table,) = tables("4.7")
    assert table.column("field") == [*Analysis.__struct_fields__]
    assert [row["field"] for row in table.rows if row["default"] == "absent"] == [
        *Analysis.__struct_fields__[-len(Analysis.__struct_defaults__) :]
    ]


def test_the_tables_of_done_are_the_struct() -> None:
    reply, _, _, ticket, ping = tables("4.4")
    rows = [*reply.rows, *ticket.rows, *ping.rows]
    assert [(row["field"], row["type"]) for row in rows] == [
        (field.name, _type_words(field, with_null=False)) for field in _own_fields(Done)
    ]


def test_the_reasons_to_finish_are_those_of_the_type() -> None:
    assert tables("4.4")[1].column("finish_reason") == list(get_args(FinishReason))


def test_the_table_of_codes_is_the_status_of_each() -> None:
    table = tables("6.2")[0]
    assert [(row["code"], int(row["status"])) for row in table.rows] == [(code, STATUS[code]) for code in Code]


def test_the_version_is_that_of_the_code() -> None:
    assert f'`"protocol":{PROTOCOL_VERSION}`' in sections()["11"]
    assert f"{MAX_PAYLOAD_BYTES:,} bytes" in sections()["2.2"]


def test_the_settings_exist_and_have_these_defaults() -> None:
    options = {option.name: option for option in OPTIONS}
    for row in tables("9")[0].rows:
        if not row["setting"]:
            continue
        default = re.match(r"[\d,]+", row["default"])
        assert default
        assert default[0].replace(",", "") == options[row["setting"]].default, row["setting"]
    assert set(re.findall(r"SIDECAR_\w+", TEXT)) <= options.keys()


def test_the_sections_that_are_referred_to_exist() -> None:
    prose = re.sub(r"^```.*?^```$", "", TEXT, flags=re.MULTILINE | re.DOTALL)
    referred = set(re.findall(r"\((\d+(?:\.\d+)?)(?:,[^)]*)?\)", prose))
    assert referred
    assert referred <= sections().keys()
    titles = re.findall(r"^## (\d+)\. (.*)$", TEXT, flags=re.MULTILINE)
    contents = re.findall(r"^(\d+)\. \[(.*)\]\(#(.*)\)$", TEXT, flags=re.MULTILINE)
    assert [(number, title) for number, title, _ in contents] == titles
    for number, title, anchor in contents:
        assert anchor == f"{number}-{title}".lower().replace(" ", "-")


def test_lines_of_prose_are_short() -> None:
    prose = re.sub(r"^```.*?^```$", "", TEXT, flags=re.MULTILINE | re.DOTALL)
    assert [line for line in prose.splitlines() if len(line) > 120 and not line.startswith("|")] == []
