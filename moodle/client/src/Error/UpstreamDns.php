<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** The provider's name is not known: try again later; tell the administrator. */
final class UpstreamDns extends SidecarError
{
    public const CODE = 'upstream_dns';
    public const STATUS = 502;
}
