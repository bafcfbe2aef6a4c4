<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** More text than allowed, or a reply that outgrew its bound: send less; what came is good. */
final class TooLarge extends SidecarError
{
    public const CODE = 'too_large';
    public const STATUS = 413;
}
