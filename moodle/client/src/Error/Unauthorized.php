<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** The token was missing or wrong: tell the administrator, and never try in a loop. */
final class Unauthorized extends SidecarError
{
    public const CODE = 'unauthorized';
    public const STATUS = 401;
}
