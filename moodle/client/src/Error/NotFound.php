<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** No such reply: never there, not detached, no longer kept, or another user's. Show it as lost. */
final class NotFound extends SidecarError
{
    public const CODE = 'not_found';
    public const STATUS = 404;
}
