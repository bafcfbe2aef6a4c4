<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** The provider's answer makes no sense: try again later; tell the administrator. */
final class UpstreamProtocol extends SidecarError
{
    public const CODE = 'upstream_protocol';
    public const STATUS = 502;
}
