<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** There is no connection to the provider: try again later; tell the administrator. */
final class UpstreamConnect extends SidecarError
{
    public const CODE = 'upstream_connect';
    public const STATUS = 502;
}
