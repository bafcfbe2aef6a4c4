import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.observability.output import Output


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "sidecar.log"


@pytest.fixture
def output(path: Path) -> Iterator[Output]:
    path.parent.mkdir()
    output = Output(path)
    yield output
    output.close()


def test_lines_are_appended(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("old\n")
    output = Output(path)
    output.write(b"new\n")
    output.close()
    assert path.read_text() == "old\nnew\n"


def test_a_new_file_is_not_for_others(output: Output, path: Path) -> None:
    assert path.stat().st_mode & 0o007 == 0


def test_a_rotated_file_is_left_without_losing_a_line(output: Output, path: Path) -> None:
    output.write(b"1\n")
    rotated = path.rename(path.with_suffix(".1"))
    output.write(b"2\n")
    path.rename(path.with_suffix(".2"))
    path.write_text("made by logrotate\n")
    output.write(b"3\n")
    assert (rotated.read_text(), path.with_suffix(".2").read_text()) == ("1\n", "2\n")
    assert path.read_text() == "made by logrotate\n3\n"


def test_a_truncated_file_begins_anew_without_a_hole(output: Output, path: Path) -> None:
    output.write(b"x" * 1000 + b"\n")
    os.truncate(path, 0)
    output.write(b"new\n")
    assert path.read_bytes() == b"new\n"


def test_a_deleted_file_is_made_again(output: Output, path: Path) -> None:
    path.unlink()
    output.write(b"new\n")
    assert path.read_text() == "new\n"


def test_a_deleted_directory_is_an_error_until_it_is_back(output: Output, path: Path) -> None:
    shutil.rmtree(path.parent)
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            output.write(b"lost\n")
    path.parent.mkdir()
    output.write(b"new\n")
    assert path.read_text() == "new\n"


def test_a_moved_file_goes_on_where_no_other_can_be_made(output: Output, path: Path) -> None:
    moved = path.parent.rename(path.parent.with_name("moved"))
    output.write(b"new\n")
    assert (moved / path.name).read_text() == "new\n"


def test_a_symbolic_link_is_not_followed(output: Output, path: Path, tmp_path: Path) -> None:
    path.unlink()
    path.symlink_to(tmp_path / "target")
    with pytest.raises(OSError, match="symbolic link"):
        Output(path)
    with pytest.raises(OSError, match="symbolic link"):
        output.write(b"lost\n")
    assert not (tmp_path / "target").exists()


def test_a_pipe_without_a_reader_does_not_hold_the_start(path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path)
    with pytest.raises(OSError, match="No such device"):
        Output(path)


def test_a_full_disk_is_an_error() -> None:
    output = Output(Path("/dev/full"))
    with pytest.raises(OSError, match="No space left"):
        output.write(b"lost\n")
    output.close()


def test_after_half_a_line_the_next_begins_a_line(output: Output, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    answers = [3, None, None]  # of seven bytes three, then no room, twice

    def write_on_a_full_disk(descriptor: int, line: memoryview) -> int:
        room = answers.pop(0) if answers else len(line)
        if room is None:
            raise OSError(28, "No space left on device")
        return write(descriptor, line[:room])

    monkeypatch.setattr(os, "write", write_on_a_full_disk)
    for _ in range(2):
        with pytest.raises(OSError, match="No space left"):
            output.write(b"line 1\n")
    output.write(b"line 2\n")
    output.write(b"line 3\n")
    assert path.read_text() == "lin\nline 2\nline 3\n"


def test_a_pipe_that_does_not_block_is_waited_for(path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    output = Output(path)
    line = b"x" * 200_000 + b"\n"  # more than a pipe holds
    thread = threading.Thread(target=output.write, args=(line,))
    thread.start()
    os.set_blocking(reader, True)
    with open(reader, "rb") as file:
        assert file.read(len(line)) == line
    thread.join(5)
    output.close()
