<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** The model cannot take in so much text: send less context or history. */
final class ContextTooLong extends SidecarError
{
    public const CODE = 'context_too_long';
    public const STATUS = 400;
}
