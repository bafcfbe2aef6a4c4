<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** The model did not begin in time: try again later. */
final class TimeoutFirstToken extends SidecarError
{
    public const CODE = 'timeout_first_token';
    public const STATUS = 504;
}
