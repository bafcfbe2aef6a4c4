<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/**
 * The connection ended before the request did. The model may have been asked, and paid: never send it again unasked.
 *
 * A detached reply lives on: resume it by the name that its Start gave.
 */
final class ConnectionLost extends SidecarException
{
    public function __construct(string $message)
    {
        parent::__construct($message, 502, 'connection_lost');
    }
}
