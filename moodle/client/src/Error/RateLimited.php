<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** A limit of the sidecar, which the message names: wait `$retryAfter`. */
final class RateLimited extends SidecarError
{
    public const CODE = 'rate_limited';
    public const STATUS = 429;
}
