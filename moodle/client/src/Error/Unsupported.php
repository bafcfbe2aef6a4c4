<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** This sidecar, or its installation, does not do it: do without. */
final class Unsupported extends SidecarError
{
    public const CODE = 'unsupported';
    public const STATUS = 501;
}
