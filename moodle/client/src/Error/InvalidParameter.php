<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** A number, a length or a word is outside its limits: correct the value. */
final class InvalidParameter extends SidecarError
{
    public const CODE = 'invalid_parameter';
    public const STATUS = 400;
}
