<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** The provider's limit: wait `$retryAfter`. */
final class UpstreamRateLimited extends SidecarError
{
    public const CODE = 'upstream_rate_limited';
    public const STATUS = 429;
}
