<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** The provider's answer broke off: offer to try again; what came is good. */
final class Truncated extends SidecarError
{
    public const CODE = 'truncated';
    public const STATUS = 502;
}
