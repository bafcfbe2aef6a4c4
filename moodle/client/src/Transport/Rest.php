<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Transport;

/**
 * Remembers from one request of PHP to the next which transports failed just now, so that not each pays for it anew.
 *
 * It never throws: a memory that fails remembers nothing.
 */
interface Rest
{
    public function isResting(string $transport): bool;

    public function rest(string $transport, float $seconds): void;
}
