<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Transport;

use OpenaiMoodleSidecar\Deadline;

/**
 * Connects to a socket.
 *
 * @internal
 */
final class Dialing
{
    /** Linux; the constant of PHP comes with an extension. */
    private const EAGAIN = 11;

    /** A Unix socket whose backlog is full says so at once; this is how long to leave it alone, in microseconds. */
    private const MIN_PAUSE = 10_000;
    private const MAX_PAUSE = 50_000;

    /**
     * Returns a socket that is connected to `$address`, trying again while the backlog there is full.
     *
     * @return resource
     *
     * @throws TransportFailed It could not be had within `$seconds`.
     */
    public static function dial(string $address, float $seconds)
    {
        $deadline = new Deadline($seconds);
        $context = stream_context_create(['socket' => ['tcp_nodelay' => true]]);
        do {
            $left = max($deadline->left(), 0.001);
            $socket = Quiet::call(static function () use ($address, &$errno, &$message, $left, $context) {
                return stream_socket_client($address, $errno, $message, $left, STREAM_CLIENT_CONNECT, $context);
            });
            if ($socket !== false) {
                return $socket;
            }
            if ($errno !== self::EAGAIN) {
                break;
            }
            // Jitter: those that were refused together would come back together.
            usleep(random_int(self::MIN_PAUSE, self::MAX_PAUSE));
        } while ($deadline->left() > 0);
        /** @var string $message */
        throw new TransportFailed("No connection to $address: $message.");
    }
}
