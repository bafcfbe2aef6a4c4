<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** The provider refused the key: tell the administrator. */
final class UpstreamAuth extends SidecarError
{
    public const CODE = 'upstream_auth';
    public const STATUS = 502;
}
