<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** The bytes were no frame, or a message was not whole in time: mend the client. */
final class BadFrame extends SidecarError
{
    public const CODE = 'bad_frame';
    public const STATUS = 400;
}
