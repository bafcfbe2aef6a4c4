<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Transport;

/** A way to a sidecar. */
interface Transport
{
    /** What the settings, the logs and the memory of failures call it. */
    public function name(): string;

    /** Whether a sidecar at its other end goes on when the connection has ended. */
    public function outlivesConnection(): bool;

    /**
     * Returns the token that the first request of a connection carries, or null for none.
     *
     * @throws TransportFailed There ought to be one, and it cannot be read.
     */
    public function token(): ?string;

    /**
     * Opens a connection within `$seconds`.
     *
     * @throws TransportFailed There is none.
     */
    public function connect(float $seconds): Connection;
}
