<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** No provider is configured: tell the administrator. */
final class NotConfigured extends SidecarError
{
    public const CODE = 'not_configured';
    public const STATUS = 503;
}
