"""The one table of settings: what each is called, what it may be, what it means. Reading and README come from it."""

from typing import NamedTuple

from protocol.framing import MAX_PAYLOAD_BYTES
from sidecar.settings.parsing import (
    FALLBACKS,
    GROUP,
    MODE,
    MODEL,
    MODELS,
    PATH,
    PATH_OR_OFF,
    PROXY,
    SECRET,
    SWITCH,
    TCP,
    URL,
    USERS,
    WORD,
    Kind,
    one_of,
    seconds,
    whole_number,
)


class Option(NamedTuple):
    """One setting: its name in the environment, and the field of Settings that it fills."""

    name: str
    field: str
    kind: Kind
    default: str | None
    """Text, parsed like any other; None leaves the field None."""
    unit: str
    help: str


# Finite, so that a slip of the keyboard is an error and not a process without limits.
_COUNT = whole_number(1, 100_000)
_SIZE = whole_number(1, 16 * 1024**3)
_PAYLOAD_SIZE = whole_number(1, MAX_PAYLOAD_BYTES)
# As a plain answer a reply is one payload, in which JSON may need six bytes for one.
_REPLY_SIZE = whole_number(1, MAX_PAYLOAD_BYTES // 6 - 16_384)
# From a hundredth of a second, because zero would end everything at once.
_PATIENCE = seconds(0.01, 3_600)
_DELAY = seconds(0, 3_600)
_ALLOWANCE = whole_number(0, 1_000_000_000)
_UP_TO_A_DAY = seconds(0, 86_400)

OPTIONS = (
    Option("SIDECAR_PROVIDER", "provider", WORD, None, "",
           "The provider that answers: `openai` (also all that speak its language), `anthropic`, or `demo`, which "
           "plays a model and works offline. Unset: `openai` where a key or an address is set"),
    Option("SIDECAR_PROVIDER_IF_UNSET", "provider_if_unset", WORD, None, "",
           "The same where no provider, no key and no address is set; `scripts/run` sets it to `demo`"),
    Option("OPENAI_API_KEY", "api_keys", SECRET, None, "",
           "The provider's key, whichever provider it is; the log masks what has 8 characters or more"),
    Option("OPENAI_API_KEY_FILE", "api_key_file", PATH, None, "",
           "A file that holds the key, or several, one a line, which take turns; set this or `OPENAI_API_KEY`. With "
           "neither, systemd's credential `openai_api_key` is taken"),
    Option("OPENAI_BASE_URL", "base_url", URL, None, "",
           "The address of the provider; unset: `https://api.openai.com/v1`, or `https://api.anthropic.com`. Without a "
           "path `/v1/chat/completions` is added, to another path `/chat/completions` where that is not its end; with "
           "`anthropic` likewise `/v1/messages`"),
    Option("OPENAI_MODEL", "model", MODEL, None, "",
           "The model that is asked; every provider but `demo` needs it. With Azure the deployment's name"),
    Option("SIDECAR_MODELS", "models", MODELS, "", "",
           "The models that a request may name beside it, with commas between them; `*` for any"),
    Option("SIDECAR_FALLBACKS", "fallbacks", FALLBACKS, "", "",
           "What is asked where the provider fails before its first word, in this order, with commas between: another "
           "model of it, or a file `NAME.env` with the settings of another provider"),
    Option("SIDECAR_ALLOW_HTTP", "allow_http", SWITCH, "off", "",
           "Whether the provider's address may be `http://` on another machine: who listens there reads the key"),
    Option("SIDECAR_DENY_PRIVATE", "deny_private", SWITCH, "off", "",
           "Whether a provider is refused whose name leads into a private network, or to this machine; no proxy then"),
    Option("SIDECAR_CA", "ca", PATH, None, "",
           "Certificates to trust beside the system's: a file, or a directory of `.pem` and `.crt` files"),
    Option("SIDECAR_PROXY", "proxy", PROXY, None, "",
           "The HTTP proxy on the way to the provider. The variables `HTTPS_PROXY` and so on are not read"),
    Option("SIDECAR_TIMEOUT_CONNECT", "timeouts.connect_seconds", _PATIENCE, "5", "seconds",
           "How long a connection to the provider may take: name, TCP and TLS"),
    Option("SIDECAR_TIMEOUT_FIRST_TOKEN", "timeouts.first_token_seconds", _PATIENCE, "120", "seconds",
           "How long the provider may take until its first token; later tries are included"),
    Option("SIDECAR_TIMEOUT_IDLE", "timeouts.idle_seconds", _PATIENCE, "30", "seconds",
           "How long a begun answer may stand still"),
    Option("SIDECAR_TIMEOUT_TOTAL", "timeouts.total_seconds", _PATIENCE, "600", "seconds",
           "How long an answer may take in all; of a long text each part"),
    Option("MAX_TOKENS", "max_tokens", whole_number(1, 10_000_000), "1000", "tokens",
           "How long an answer may become where the request does not say"),
    Option("SUMMARIZE_THRESHOLD", "summarize_threshold", whole_number(0, 10_000_000), "2000", "characters",
           "A chat's context that is longer is summarized first, once for all who ask about it"),
    Option("SIDECAR_CONTEXT_TOKENS", "context_tokens", whole_number(2048, 10_000_000), "16000", "tokens",
           "What the model reads and writes in one call. Longer texts are read in parts, older turns in short. "
           "Ollama reads 4096 unless told otherwise, and cuts the rest without a word"),
    Option("SIDECAR_EXTRACTIVE_FALLBACK", "extractive_fallback", SWITCH, "off", "",
           "Whether `summarize` gives sentences of the text, labelled so, where the provider cannot be reached"),
    Option("SIDECAR_SOCKET", "socket", PATH_OR_OFF, None, "",
           "The Unix socket to listen on, or `off`. Unset: the first usable place, and the start says which"),
    Option("SIDECAR_SOCKET_MODE", "socket_mode", MODE, "0660", "octal", "The socket's permissions"),
    Option("SIDECAR_SOCKET_GROUP", "socket_gid", GROUP, None, "", "The socket's group, by name or number"),
    Option("SIDECAR_ALLOWED_UIDS", "allowed_uids", USERS, None, "",
           "Who may use the socket: users by name or number, with commas between them. "
           "Unset: the sidecar's own user, root and the members of the socket's group"),
    Option("SIDECAR_WEB_SOCKET", "web_socket", PATH_OR_OFF, None, "",
           "The Unix socket for the web server, which takes tickets and nothing else, or `off`. "
           "Unset: `web.sock` beside the other, where there is that"),
    Option("SIDECAR_WEB_SOCKET_GROUP", "web_socket_gid", GROUP, None, "",
           "The group of the web server's user, by name or number: its members may use that socket. "
           "Unset: the other socket's"),
    Option("SIDECAR_TCP", "tcp", TCP, "127.0.0.1:8081", "", "The loopback address and port to listen on, or `off`"),
    Option("SIDECAR_TCP_AUTH", "tcp_auth", SWITCH, "on", "",
           "Whether TCP asks for the token; `off` lets in every user and every web page of this machine"),
    Option("SIDECAR_TOKEN", "token", SECRET, None, "",
           "The token that TCP asks for; the log masks what has 8 characters or more"),
    Option("SIDECAR_TOKEN_FILE", "token_file", PATH, None, "",
           "A file that holds the token where none is set; made at the first start. Unset: beside the socket"),
    Option("SIDECAR_LOG_FILE", "log_file", PATH, None, "", "Where the log goes. Unset: to stderr"),
    Option("SIDECAR_LOG_LEVEL", "log_level", one_of("debug", "info", "warning", "error"), "info", "",
           "What is logged: `debug`, `info`, `warning` or `error`"),
    Option("SIDECAR_USAGE_FILE", "usage_file", PATH, None, "",
           "Where the usage goes: one line of JSON for each reply, with tokens, course and a pseudonym of the user, "
           "without any text. Unset: nowhere"),
    Option("SIDECAR_USAGE_KEY", "usage_key", SECRET, None, "",
           "What makes the pseudonyms (`openssl rand -hex 32`). Unset: those of the next start are others"),
    Option("SIDECAR_USER_REQUESTS_AT_ONCE", "user_limits.requests_at_once", _ALLOWANCE, "0", "requests",
           "Requests of each user that are running or queued at once; `0`: as many as they like"),
    Option("SIDECAR_USER_REQUESTS_PER_HOUR", "user_limits.requests_per_hour", _ALLOWANCE, "0", "requests",
           "What each user may ask of the model within an hour; `0`: as much as they like. What is shared is free"),
    Option("SIDECAR_USER_REQUESTS_PER_DAY", "user_limits.requests_per_day", _ALLOWANCE, "0", "requests",
           "The same within 24 hours"),
    Option("SIDECAR_USER_TOKENS_PER_HOUR", "user_limits.tokens_per_hour", _ALLOWANCE, "0", "tokens",
           "Tokens, of questions and answers, that each user may use within an hour; `0`: as many as they like"),
    Option("SIDECAR_USER_TOKENS_PER_DAY", "user_limits.tokens_per_day", _ALLOWANCE, "0", "tokens",
           "The same within 24 hours"),
    Option("SIDECAR_ENV_FILE", "env_file", PATH, None, "",
           "A file of settings, one `NAME=value` per line; the environment wins over it. "
           "Unset: `.env` in the working directory, if there is one"),
    Option("SIDECAR_GRACE_SECONDS", "grace_seconds", _DELAY, "15", "seconds",
           "How long a running detached reply goes on without a reader, where its request names no time"),
    Option("SIDECAR_RESUME_SECONDS", "resume_seconds", _UP_TO_A_DAY, "600", "seconds",
           "How long a finished detached reply is kept"),
    Option("SIDECAR_CACHE_SECONDS", "cache_seconds", _UP_TO_A_DAY, "300", "seconds",
           "How long a finished summary or analysis is given again to whoever asks for the very same, at no cost; `0`: "
           "not at all. It takes of `SIDECAR_MAX_REPLIES_BYTES` what nobody else needs"),
    Option("SIDECAR_TICKET_SECONDS", "ticket_seconds", _PATIENCE, "30", "seconds",
           "How long a ticket for the web server's socket is good"),
    # Eight: a container is killed after ten.
    Option("SIDECAR_DRAIN_SECONDS", "drain_seconds", _DELAY, "8", "seconds",
           "How long running answers may go on after SIGTERM; a container is killed after ten"),
    Option("SIDECAR_HEARTBEAT_SECONDS", "heartbeat_seconds", _PATIENCE, "10", "seconds",
           "After how long a silence a streaming request gets a sign of life"),
    Option("SIDECAR_FIRST_BYTE_SECONDS", "limits.first_byte_seconds", _PATIENCE, "5", "seconds",
           "How long a TCP connection may wait with its first byte"),
    Option("SIDECAR_SOCKET_FIRST_BYTE_SECONDS", "limits.socket_first_byte_seconds", _PATIENCE, "60", "seconds",
           "How long a connection to the Unix socket may wait with its first byte"),
    Option("SIDECAR_READ_SECONDS", "limits.read_seconds", _PATIENCE, "10", "seconds",
           "How long a request may take from its first byte to its last"),
    Option("SIDECAR_IDLE_SECONDS", "limits.idle_seconds", seconds(0.01, 86_400), "300", "seconds",
           "How long a connection may stay open without a request"),
    Option("SIDECAR_STALL_SECONDS", "limits.stall_seconds", _PATIENCE, "15", "seconds",
           "How long a client may take nothing of what is sent to it"),
    Option("SIDECAR_MAX_CONNECTIONS", "limits.max_connections", _COUNT, "2048", "connections",
           "Connections that are open at once"),
    Option("SIDECAR_MAX_UNAUTHORIZED_CONNECTIONS", "limits.max_unauthorized_connections", _COUNT, "64", "connections",
           "Of these, connections on TCP before the token"),
    Option("SIDECAR_MAX_RUNNING", "limits.max_running", _COUNT, "1000", "requests",
           "Requests that are with the provider at once, or wait for a connection to it"),
    Option("SIDECAR_MAX_UPSTREAM", "limits.max_upstream", _COUNT, "200", "connections",
           "Connections to the provider at once; more requests wait, the courses in turn and in a course its users"),
    Option("SIDECAR_QUEUE_SECONDS", "limits.queue_seconds", _PATIENCE, "120", "seconds",
           "How long a request may wait for one of these; who reads its stream sees its position"),
    Option("SIDECAR_SPARE_CONNECTIONS", "limits.spare_connections", whole_number(0, 100), "2", "connections",
           "Of these, connections that `serve` opens ahead of requests, as long as the last request is not ten minutes "
           "old: who finds one gets the first token two round trips earlier"),
    Option("SIDECAR_MAX_RUNNING_PER_CONNECTION", "limits.max_running_per_connection", _COUNT, "16", "requests",
           "Requests of one connection that are running at once"),
    Option("SIDECAR_MAX_WAITING_PER_CONNECTION", "limits.max_waiting_per_connection", whole_number(0, 100_000), "100",
           "requests", "Requests of one connection that wait for these"),
    Option("SIDECAR_MAX_PAYLOAD_BYTES", "limits.max_payload_bytes", _PAYLOAD_SIZE, "8388608", "bytes",
           "A request as it is sent"),
    Option("SIDECAR_MAX_TEXT_BYTES", "limits.max_text_bytes", _PAYLOAD_SIZE, "5000000", "bytes",
           "The text to summarize or analyze"),
    Option("SIDECAR_MAX_CHAT_BYTES", "limits.max_chat_bytes", _PAYLOAD_SIZE, "1048576", "bytes",
           "The message of a chat with its context and history"),
    Option("SIDECAR_MAX_REPLY_BYTES", "limits.max_reply_bytes", _REPLY_SIZE, "1048576", "bytes", "The text of a reply"),
    Option("SIDECAR_MAX_REPLIES_BYTES", "limits.max_replies_bytes", _SIZE, "67108864", "bytes",
           "All replies that are running or kept"),
    Option("SIDECAR_MAX_UNFINISHED_BYTES", "limits.max_unfinished_bytes", _SIZE, "67108864", "bytes",
           "All requests that are arriving or waiting"),
    Option("SIDECAR_MAX_UNAUTHORIZED_BYTES", "limits.max_unauthorized_bytes", _SIZE, "8388608", "bytes",
           "Of these, what arrives on TCP before the token"),
)  # fmt: skip


def render_table() -> str:
    """Return the settings as a table in Markdown."""
    rows = ["| setting | default | unit | meaning |", "| --- | --- | --- | --- |"]
    for option in OPTIONS:
        default = f"`{option.default}`" if option.default else ""
        unit = ", ".join(filter(None, (option.unit, option.kind.bounds)))
        rows.append(f"| `{option.name}` | {default} | {unit} | {option.help} |")
    return "\n".join(rows) + "\n"
