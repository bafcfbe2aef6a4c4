<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Transport;

use OpenaiMoodleSidecar\Error\InvalidSettings;
use OpenaiMoodleSidecar\Settings;

/** The sidecar's Unix socket: guarded by the file's mode and by who PHP runs as. */
final class UnixTransport implements Transport
{
    /** What the operating system takes for a path. */
    private const MAX_PATH_BYTES = 107;

    public function __construct(private readonly string $path)
    {
        if (!str_starts_with($path, '/') || strlen($path) > self::MAX_PATH_BYTES || str_contains($path, "\0")) {
            throw new InvalidSettings('socket must be an absolute path of at most ' . self::MAX_PATH_BYTES . ' bytes.');
        }
    }

    public function name(): string
    {
        return Settings::UNIX;
    }

    public function outlivesConnection(): bool
    {
        return true;
    }

    public function token(): ?string
    {
        return null;
    }

    public function connect(float $seconds): Connection
    {
        return new Connection(Dialing::dial("unix://$this->path", $seconds));
    }
}
