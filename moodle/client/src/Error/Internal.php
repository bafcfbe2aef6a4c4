<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** A bug of the sidecar, whose log has the cause: tell the administrator `$requestId` and the time. */
final class Internal extends SidecarError
{
    public const CODE = 'internal';
    public const STATUS = 500;
}
