<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** The provider failed: try again later. */
final class UpstreamError extends SidecarError
{
    public const CODE = 'upstream_error';
    public const STATUS = 502;
}
