"""What can be said to the commands that people use. Only this is loaded for `--help`."""

import argparse
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

_STATUSES = """\
exit status:
  0    the whole answer is on stdout
  64   an option was refused: a model that is not offered
  65   the text is no UTF-8, empty, or too long
  66   the file cannot be read
  69   no whole answer, and the same again would not help: cut off, refused, no provider, a wrong key
  70   a bug
  74   the answer cannot be written
  75   no whole answer, and trying again later may help
  76   the sidecar that runs is of another version
  77   the sidecar that runs lets us not in
  78   a setting is wrong
  130  ended by Ctrl-C
  141  whoever read the answer left before its end
"""

_WHERE = """\
The question goes to the sidecar that runs (SIDECAR_SOCKET, then SIDECAR_TCP with its token) or, where none is found,
from here to the provider that the settings name.
"""

_DOCTOR = """\
One line for each check: ok, warning, failed or skipped, and below what is wrong, what to do. Run it with the settings
of the service (--env-file) and, where that matters, as its user. Nothing is made or changed. A provider other than demo
is asked two short questions, which may cost a fraction of a cent.

With --json the output is one object, whose shape is stable:

  {"version": "0.1.0", "status": "ok|warning|failed",
   "checks": [{"name": "...", "status": "ok|warning|failed|skipped", "message": "...", "advice": "..."}]}

The checks, always all and in this order: settings, log, usage (its log, and limits of users), directory (of the
socket), socket, instance (the sidecar that runs, by its Unix socket), web_socket (the web server's), token, tcp,
provider, and of the provider name_lookup, connect, tls, key, model, tokens (do they come one by one), cancel (is the
connection closed when an answer is left). Behind them one for each further key and each fallback: key_2, fallback_1,
fallback_1_key_2 and so on. advice is empty where there is nothing to do; messages may change.

exit status:
  0    nothing failed; there may be warnings
  1    something failed
  78   a setting is wrong
"""

_BESIDE = """\
  ENTRYPOINT ["openai-moodle-sidecar", "beside"]
  CMD ["apache2-foreground"]

PROGRAM gets the signals that end and reload it, and its exit status is the container's. The sidecar runs as a user of
its own, is started again whenever it ends, is told when the container is stopped, and has its log (SIDECAR_LOG_FILE)
rotated at 10 MiB. In the environment, beside its settings:

  OPENAI_MOODLE_SIDECAR_INSTALLATION  separated (the default): PHP cannot read the key, which is in OPENAI_API_KEY_FILE
                                      simple: PHP can, and starts a sidecar of its own, by stdio, where this one is
                                      away; SIDECAR_ENV_FILE of that is php.env beside the socket,
                                      or in /run/openai-moodle-sidecar where that is off
  OPENAI_MOODLE_SIDECAR_USER          whom the sidecar runs as (openai-moodle-sidecar)

PROGRAM finds none of the settings in its environment. The group of its user is SIDECAR_SOCKET_GROUP (www-data).

exit status: that of PROGRAM; 127 where it cannot be started
"""

_HEALTH = """\
It asks at the Unix socket (SIDECAR_SOCKET), for at most three seconds, costs nothing, and needs no right to read the
key. For a container's health check, a probe, a monitor:

  HEALTHCHECK CMD ["openai-moodle-sidecar", "health"]

exit status:
  0    the sidecar answers; with --ready: and requests can be served
  1    anything else; stderr says what
"""

_MAX_INSTRUCTIONS = 4000


class Arguments(NamedTuple):
    """The options of a command, and what `--help` says below them."""

    add: Callable[[argparse.ArgumentParser], None]
    epilog: str


def _add_chat(parser: argparse.ArgumentParser) -> None:
    _add_common(parser, "the text that the conversation is about")
    parser.add_argument(
        "--instructions", metavar="TEXT", type=_instructions, help="what the model shall keep to, such as a role"
    )


def _add_summarize(parser: argparse.ArgumentParser) -> None:
    _add_document(parser)
    parser.add_argument("--length", choices=("short", "medium", "long"), help="how long it shall be (medium)")
    parser.add_argument("--style", choices=("prose", "bullets"), help="running text, or a list (prose)")


def _add_document(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", metavar="FILE", nargs="+", help="the text, in UTF-8: .txt, .md, .html (with html2text); - for stdin"
    )
    parser.add_argument("--json", action="store_true", help="give the answer as one JSON object")
    _add_common(parser, "background that helps to understand the text")


def _add_common(parser: argparse.ArgumentParser, context: str) -> None:
    parser.add_argument("--context", metavar="FILE", help=f"a file with {context}")
    # Another place than that of the older sidecar's --model.
    parser.add_argument(
        "--model", dest="ask_model", metavar="NAME", type=_model, help="one of the models that are offered"
    )
    parser.add_argument("--language", metavar="CODE", type=_language, help="the language to answer in: de, pt-BR")


def _add_doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="give the result as one JSON object")


def _add_beside(parser: argparse.ArgumentParser) -> None:
    # All that follows it is for the program, options too.
    parser.add_argument("program", metavar="PROGRAM", help="what the container is there for")
    parser.add_argument("arguments", metavar="ARGUMENT", nargs=argparse.REMAINDER, help="its own")


def _add_health(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ready", action="store_true", help="fail also without a provider, while that fails, or while the sidecar ends"
    )


def _model(text: str) -> str:
    from protocol.messages import Model

    return _checked(text, Model, "a model's name: up to 128 letters, digits and . _ : / @ -")


def _language(text: str) -> str:
    from protocol.messages import Language

    return _checked(text, Language, "the code of a language, such as de or pt-BR")


def _instructions(text: str) -> str:
    if len(text) > _MAX_INSTRUCTIONS:
        raise argparse.ArgumentTypeError(f"at most {_MAX_INSTRUCTIONS} characters")
    return text


def _checked(text: str, kind: object, allowed: str) -> str:
    import msgspec

    try:
        checked: str = msgspec.convert(text, kind)
        return checked
    except msgspec.ValidationError:
        raise argparse.ArgumentTypeError(f"it must be {allowed}") from None


ARGUMENTS: Mapping[str, Arguments] = MappingProxyType(
    {
        "chat": Arguments(
            _add_chat,
            f"""\
In a terminal: one question per line, with what was said before. Ctrl-C ends the answer that is being written; at the
prompt Ctrl-C or Ctrl-D leaves. Otherwise all of stdin is one question, and only the answer is on stdout:

  echo "What is a prime?" | openai-moodle-sidecar chat

{_WHERE}
{_STATUSES}""",
        ),
        "summarize": Arguments(
            _add_summarize,
            f"""\
  openai-moodle-sidecar summarize --length short --language de chapter.txt
  openai-moodle-sidecar summarize --json week1.md week2.html
  pdftotext chapter.pdf - | openai-moodle-sidecar summarize - > summary.txt

A text of any length up to 5 MB (SIDECAR_MAX_TEXT_BYTES) will do. With --json the output is one object, whose shape is
stable: {"model", "finish_reason", "usage", "text"}.

{_WHERE}
{_STATUSES}""",
        ),
        "analyze": Arguments(
            _add_document,
            f"""\
  openai-moodle-sidecar analyze chapter.txt
  openai-moodle-sidecar analyze --json chapter.md | jq .result.questions

With --json the output is one object, whose shape is stable: {"model", "finish_reason", "usage", "result"}, and in
result what section 4.7 of protocol/SPEC.md has.

{_WHERE}
{_STATUSES}""",
        ),
        "beside": Arguments(_add_beside, _BESIDE),
        "health": Arguments(_add_health, _HEALTH),
        "doctor": Arguments(_add_doctor, _DOCTOR),
    }
)
