<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** The provider's certificate was not accepted: tell the administrator. */
final class UpstreamTls extends SidecarError
{
    public const CODE = 'upstream_tls';
    public const STATUS = 502;
}
