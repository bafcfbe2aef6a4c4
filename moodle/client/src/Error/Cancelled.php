<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** It was cancelled, or nobody came back for it. */
final class Cancelled extends SidecarError
{
    public const CODE = 'cancelled';
    public const STATUS = 499;
}
