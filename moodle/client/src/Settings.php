<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar;

use OpenaiMoodleSidecar\Error\InvalidSettings;
use OpenaiMoodleSidecar\Transport\NoRest;
use OpenaiMoodleSidecar\Transport\Rest;
use OpenaiMoodleSidecar\Transport\StdioTransport;
use OpenaiMoodleSidecar\Transport\TcpTransport;
use OpenaiMoodleSidecar\Transport\Transport;
use OpenaiMoodleSidecar\Transport\UnixTransport;

/** Where the sidecar is, and how long to wait for it. */
final class Settings
{
    public const UNIX = 'unix';
    public const TCP = 'tcp';
    public const STDIO = 'stdio';

    /** @var non-empty-list<Transport> In the order in which they are tried. */
    public readonly array $transports;

    /**
     * @param string|null $socket The path of the Unix socket; null: do not use it.
     * @param string|null $tcp The loopback address and port, `127.0.0.1:8081` as a rule; null: do not use it.
     * @param string|null $token What TCP asks for. Give it, or the file that holds it.
     * @param string|null $tokenFile The file that SIDECAR_TOKEN_FILE names, which PHP's user may read.
     * @param list<string>|null $command What starts a sidecar that ends with its request, word by word, such as
     *     `['/opt/openai-moodle-sidecar/bin/openai-moodle-sidecar', 'stdio']`; null: never start one.
     * @param array<string, string> $environment All that this child finds in its environment: its settings.
     * @param list<string>|null $order Which of `unix`, `tcp` and `stdio` are tried, and in which order. Null: all that
     *     the settings before describe, in that order.
     * @param Rest $rest Remembers, from one request of PHP to the next, which transports failed just now.
     * @param float $restSeconds How long such a one is passed over while there is another.
     *
     * @throws InvalidSettings One of them is wrong.
     */
    public function __construct(
        ?string $socket = '/run/openai-moodle-sidecar/sidecar.sock',
        ?string $tcp = null,
        #[\SensitiveParameter] ?string $token = null,
        ?string $tokenFile = null,
        ?array $command = null,
        #[\SensitiveParameter] array $environment = [],
        ?array $order = null,
        public readonly Deadlines $deadlines = new Deadlines(),
        public readonly Rest $rest = new NoRest(),
        public readonly float $restSeconds = 10.0,
    ) {
        if (!is_finite($restSeconds) || $restSeconds <= 0) {
            throw new InvalidSettings('restSeconds must be a number of seconds above 0.');
        }
        $known = array_filter([
            self::UNIX => $socket === null ? null : new UnixTransport($socket),
            self::TCP => $tcp === null ? null : new TcpTransport($tcp, $token, $tokenFile),
            self::STDIO => $command === null ? null : new StdioTransport($command, $environment),
        ]);
        $order ??= array_keys($known);
        if ($order !== array_unique($order)) {
            throw new InvalidSettings('order names a transport twice.');
        }
        $transports = [];
        foreach ($order as $name) {
            $transports[] = $known[$name]
                ?? throw new InvalidSettings("order names `$name`, which is no transport or has no settings.");
        }
        if ($transports === []) {
            throw new InvalidSettings('At least one of socket, tcp and command is needed, and order must name it.');
        }
        $this->transports = $transports;
    }
}
