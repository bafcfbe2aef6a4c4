<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** The sidecar is older than this client and does not know the action. */
final class UnknownAction extends SidecarError
{
    public const CODE = 'unknown_action';
    public const STATUS = 400;
}
