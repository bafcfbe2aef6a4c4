<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** The user that PHP runs as may not use the socket: tell the administrator. */
final class Forbidden extends SidecarError
{
    public const CODE = 'forbidden';
    public const STATUS = 403;
}
