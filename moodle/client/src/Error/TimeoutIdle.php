<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** The model fell silent: offer to try again; what came is good. */
final class TimeoutIdle extends SidecarError
{
    public const CODE = 'timeout_idle';
    public const STATUS = 504;
}
