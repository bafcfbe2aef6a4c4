<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** The provider refused the request: tell the administrator. */
final class UpstreamBadRequest extends SidecarError
{
    public const CODE = 'upstream_bad_request';
    public const STATUS = 502;
}
