from pathlib import Path

import pytest
from msgspec.structs import fields

from sidecar.settings import OPTIONS, Limits, Option, Settings, Timeouts, UserLimits, render_table

README = Path(__file__).parents[2] / "README.md"


def test_every_field_has_one_option() -> None:
    made_by_reading = {"limits", "user_limits", "timeouts", "runtime_dir"}
    expected = [field.name for field in fields(Settings) if field.name not in made_by_reading]
    expected += [f"limits.{field.name}" for field in fields(Limits)]
    expected += [f"timeouts.{field.name}" for field in fields(Timeouts)]
    expected += [f"user_limits.{field.name}" for field in fields(UserLimits)]
    assert sorted(option.field for option in OPTIONS) == sorted(expected)


def test_every_name_is_of_the_old_system_or_begins_with_ours() -> None:
    names = [option.name for option in OPTIONS]
    assert len(set(names)) == len(names)
    assert all(
        name.startswith(("OPENAI_", "SIDECAR_")) or name in ("MAX_TOKENS", "SUMMARIZE_THRESHOLD") for name in names
    )


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_its_default_is_allowed(option: Option) -> None:
    if option.default is not None:
        option.kind.parse(option.default)


def test_every_number_has_bounds_that_the_table_shows() -> None:
    numbers = [option for option in OPTIONS if option.unit not in ("", "octal")]
    assert len(numbers) > 20
    for option in numbers:
        assert option.kind.bounds
        assert f"| `{option.name}` | `{option.default}` | {option.unit}, {option.kind.bounds} |" in render_table()


def test_the_table_has_a_row_of_four_cells_for_every_option() -> None:
    rows = render_table().splitlines()
    assert rows[0] == "| setting | default | unit | meaning |"
    assert len(rows) == 2 + len(OPTIONS)
    assert all(row.count("|") == 5 for row in rows)


def test_the_readme_has_this_table() -> None:
    text = README.read_text(encoding="utf-8")
    assert text.partition("<!-- settings -->\n")[2].partition("<!-- /settings -->")[0].strip() == render_table().strip()
