<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** The provider took too long to take the call: try again later. */
final class TimeoutConnect extends SidecarError
{
    public const CODE = 'timeout_connect';
    public const STATUS = 504;
}
