"""What can be said on the command line. A new command is one file and one line in `COMMANDS`."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import NoReturn

from sidecar import __version__
from sidecar.cli.arguments import ARGUMENTS
from sidecar.cli.speaking import PROGRAM, say

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "serve": "listen on the Unix socket and on TCP, until SIGTERM",
        "stdio": "serve requests on stdin, answer on stdout, until the end of input",
        "chat": "talk with the model in the terminal, or answer one question from a pipe",
        "summarize": "summarize a file",
        "analyze": "say what a file offers for teaching and learning",
        "beside": "run a container's program with the sidecar beside it: the entry point of a Moodle container",
        "health": "ask the sidecar that runs whether it is well: for what watches it",
        "doctor": "check settings, sockets and provider, and say what to do",
    }
)
"""Each is a module beside this one, with a function `run(options) -> exit status`: options of its own (arguments.py),
`env_file`, and `overrides`, which are settings by their names."""

_EPILOG = """\
Without a command, a pipe, a socket or a file on stdin means stdio, and anything else means serve.
The settings are environment variables or lines of a .env file; README.md lists them. serve takes sockets that its
parent listens on (LISTEN_FDS, as systemd hands them over), by their names: sidecar, web, tcp.
"""

# The options of the program that this one replaces, with the settings that they stand for.
_OLD_OPTIONS = {
    "base_url": "OPENAI_BASE_URL",
    "model": "OPENAI_MODEL",
    "max_tokens": "MAX_TOKENS",
    "summarize_threshold": "SUMMARIZE_THRESHOLD",
}

# How argparse begins to repeat what was typed.
_QUOTING_ERRORS = ("unrecognized arguments", "invalid choice", "ignored explicit argument")


def parse(arguments: Sequence[str]) -> SimpleNamespace:
    """Return the options of a command, and as `command` its name, or None; end the program where one is wrong."""
    parser = _build_parser()
    # Not by set_defaults: a command would put the default over what stands before it.
    chosen = parser.parse_args(arguments, SimpleNamespace(env_file=None))
    chosen.overrides = {
        setting: value for option, setting in _OLD_OPTIONS.items() if (value := getattr(chosen, option)) is not None
    }
    if chosen.command and (chosen.overrides or chosen.api_key is not None):
        parser.error("the options of the older sidecar go without a command; use settings instead")
    if chosen.api_key is not None:
        say("--api-key is ignored, because every user of this machine can read it there: set OPENAI_API_KEY instead.")
    return chosen


class _Parser(argparse.ArgumentParser):
    """Says what is wrong without repeating what was typed: it may be a key in the wrong place."""

    def error(self, message: str) -> NoReturn:
        for kind in _QUOTING_ERRORS:
            before, found, _ = message.partition(kind)
            message = before + found
        super().error(f"{message} (see --help)")


def _build_parser() -> argparse.ArgumentParser:
    common = _Parser(add_help=False)
    common.add_argument(
        "--env-file",
        type=Path,
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="read settings from FILE instead of .env in the working directory",
    )
    parser = _Parser(
        prog=PROGRAM,
        description="The process beside Moodle that talks to language models.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[common],
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    old = parser.add_argument_group("options of the older sidecar, without a command only")
    old.add_argument("--api-key", metavar="KEY", help="ignored: set OPENAI_API_KEY")
    for option, setting in _OLD_OPTIONS.items():
        old.add_argument(f"--{option.replace('_', '-')}", metavar="VALUE", help=f"{setting} for this run")
    # With `prog`, or argparse makes it of a help text, for which it loads three compressors.
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", prog=PROGRAM)
    for name, text in COMMANDS.items():
        arguments = ARGUMENTS.get(name)
        command = commands.add_parser(
            name,
            parents=[common],
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            epilog=arguments.epilog if arguments else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if arguments:
            arguments.add(command)
    return parser
