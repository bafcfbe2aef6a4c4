<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** The sidecar is about to end: wait `$retryAfter`, then connect again. */
final class Draining extends SidecarError
{
    public const CODE = 'draining';
    public const STATUS = 503;
}
