<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/**
 * Whatever keeps a request from a good end: the sidecar said no (SidecarError), or it could not be spoken with.
 *
 * The messages are English sentences for logs and administrators. They hold nothing of a prompt or a reply.
 */
abstract class SidecarException extends \RuntimeException
{
    public function __construct(
        string $message,
        int $status,
        /** What failed, in one word: branch on it, or on the class. `getCode()` is its HTTP status. */
        public readonly string $errorCode,
    ) {
        parent::__construct($message, $status);
    }
}
