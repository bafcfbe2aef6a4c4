<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** No transport leads to a sidecar. The request has not reached one: to send it again pays nothing twice. */
final class ConnectionFailed extends SidecarException
{
    /** @param array<string, string> $reasons Why, for each transport that was tried. */
    public function __construct(public readonly array $reasons)
    {
        $parts = array_map(
            static fn (string $name, string $reason): string => "$name: $reason",
            array_keys($reasons),
            $reasons,
        );
        parent::__construct('The sidecar cannot be reached. ' . implode(' ', $parts), 503, 'connection_failed');
    }
}
