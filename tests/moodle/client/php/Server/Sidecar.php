<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Tests\Server;

use OpenaiMoodleSidecar\Client;
use OpenaiMoodleSidecar\Deadlines;
use OpenaiMoodleSidecar\Settings;
use OpenaiMoodleSidecar\Transport\ChildProcess;

/** The running sidecar that test_phpunit.py has started, and told us of in the environment. */
final class Sidecar
{
    private const CONNECT_SECONDS = 5.0;

    /** @param string ...$order All where none is named. */
    public static function client(string ...$order): Client
    {
        return new Client(new Settings(
            socket: self::told('SOCKET'),
            tcp: self::told('TCP'),
            tokenFile: self::told('TOKEN_FILE'),
            command: self::command(),
            environment: self::environment(),
            order: $order ?: null,
            // The machine may be busy.
            deadlines: new Deadlines(connect: 10.0, firstEvent: 20.0),
        ));
    }

    /** Connects without a word. On TCP nobody knows us yet. */
    public static function connect(string $transport): RawConnection
    {
        if ($transport === Settings::STDIO) {
            $child = ChildProcess::start(self::command(), self::environment());
            return new RawConnection($child->stdin, $child->stdout, $child);
        }
        $address = $transport === Settings::UNIX ? 'unix://' . self::told('SOCKET') : 'tcp://' . self::told('TCP');
        $socket = stream_socket_client($address, $errno, $message, self::CONNECT_SECONDS);
        if ($socket === false) {
            throw new \RuntimeException($message);
        }
        return new RawConnection($socket, $socket);
    }

    /** Connects and is known. */
    public static function join(string $transport): RawConnection
    {
        $connection = self::connect($transport);
        $connection->send(['action' => 'ping', 'id' => 'hello'] + self::token($transport));
        if (($connection->receive()['event'] ?? null) !== 'done') {
            throw new \RuntimeException("No welcome over $transport.");
        }
        return $connection;
    }

    /** @return array<string, string> What the first request needs besides. */
    public static function token(string $transport): array
    {
        $token = trim((string) file_get_contents(self::told('TOKEN_FILE')));
        return $transport === Settings::TCP ? ['token' => $token] : [];
    }

    /** @return array<string, array{string}> For tests that run over each. */
    public static function transports(): array
    {
        $names = json_decode(self::told('TRANSPORTS'), true, flags: JSON_THROW_ON_ERROR);
        return array_combine($names, array_map(static fn (string $name): array => [$name], $names));
    }

    /** @return array<string, array{string}> For tests that run over each to a sidecar that keeps running. */
    public static function sockets(): array
    {
        return array_diff_key(self::transports(), [Settings::STDIO => true]);
    }

    public static function told(string $name): string
    {
        $value = getenv("SIDECAR_TEST_$name");
        return $value === false ? throw new \RuntimeException("SIDECAR_TEST_$name is not set.") : $value;
    }

    /** @return list<string> */
    private static function command(): array
    {
        return json_decode(self::told('COMMAND'), true, flags: JSON_THROW_ON_ERROR);
    }

    /** @return array<string, string> */
    private static function environment(): array
    {
        return json_decode(self::told('ENVIRONMENT'), true, flags: JSON_THROW_ON_ERROR);
    }
}
