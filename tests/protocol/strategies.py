"""Hypothesis strategies for every message of the protocol, made from its types: what a type allows is tried."""

from types import UnionType
from typing import Any, get_args

from hypothesis import strategies as st
from msgspec import NODEFAULT, UNSET, inspect

from protocol.messages import Success


def messages(union: UnionType) -> st.SearchStrategy[Any]:
    """Return a strategy for a union of message types."""
    return st.one_of([_values(inspect.type_info(kind)) for kind in get_args(union)])


def _values(kind: inspect.Type) -> st.SearchStrategy[object]:
    match kind:
        case inspect.UnionType(types=types):
            return st.one_of([_values(part) for part in types])
        case inspect.StructType(cls=cls, fields=fields):
            return st.builds(cls, **{field.name: _field(cls, field) for field in fields})
        case inspect.VarTupleType(item_type=item, max_length=most):
            # Long ones have a vector; here they would only take time.
            return st.lists(_values(item), max_size=min(most or 5, 5)).map(tuple)
        case inspect.DictType():
            # An object of any shape, such as `result`.
            return st.dictionaries(st.text(max_size=5), st.none() | st.booleans() | st.text(max_size=5), max_size=3)
        case inspect.LiteralType(values=values):
            return st.sampled_from(values)
        case inspect.StrType(pattern=str(pattern), max_length=most):
            return st.from_regex(pattern).filter(lambda text: most is None or len(text) <= most)
        case inspect.StrType(max_length=most):
            return st.text(max_size=most)
        case inspect.IntType(ge=least, le=most):
            return st.integers(least, most)
        case inspect.FloatType(ge=least, le=most):
            return st.floats(least, most, allow_nan=False, allow_infinity=False)
        case inspect.BoolType():
            return st.booleans()
        case inspect.NoneType():
            return st.none()
    raise TypeError(f"No strategy for {kind}")


def _field(owner: type, field: inspect.Field) -> st.SearchStrategy[object]:
    if field.name == "success":
        return st.just(owner is Success)
    values = _values(field.type)
    if field.required:
        return values
    # An optional field without a default is one that may be absent: UNSET.
    return st.just(UNSET if field.default is NODEFAULT else field.default) | values


def json_values(*, text: st.SearchStrategy[str], names: st.SearchStrategy[str]) -> st.SearchStrategy[object]:
    """Return a strategy for any JSON value, made of `text`, with `names` in its objects."""
    leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text
    return st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(names, inner), max_leaves=10)


def field_names(union: UnionType) -> list[str]:
    """Return the names of all fields of a union of message types."""
    return sorted({name for kind in get_args(union) for name in kind.__struct_fields__})
