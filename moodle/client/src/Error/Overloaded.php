<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** Too many requests or connections: wait `$retryAfter`, with jitter. */
final class Overloaded extends SidecarError
{
    public const CODE = 'overloaded';
    public const STATUS = 503;
}
