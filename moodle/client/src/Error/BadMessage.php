<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** The message could not be understood; its text names the field: mend the caller. */
final class BadMessage extends SidecarError
{
    public const CODE = 'bad_message';
    public const STATUS = 400;
}
