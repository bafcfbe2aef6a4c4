<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** The reply took too long as a whole: offer to try again; what came is good. */
final class TimeoutTotal extends SidecarError
{
    public const CODE = 'timeout_total';
    public const STATUS = 504;
}
