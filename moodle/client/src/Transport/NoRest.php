<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Transport;

/** Remembers nothing: every request tries the transports in their order. */
final class NoRest implements Rest
{
    public function isResting(string $transport): bool
    {
        return false;
    }

    public function rest(string $transport, float $seconds): void
    {
    }
}
