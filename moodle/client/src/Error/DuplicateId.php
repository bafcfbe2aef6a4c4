<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** A request of this name is running on this connection: mend the client. */
final class DuplicateId extends SidecarError
{
    public const CODE = 'duplicate_id';
    public const STATUS = 400;
}
