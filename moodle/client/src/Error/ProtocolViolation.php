<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** What came is not what SPEC.md says: another program listens there, or the two do not understand each other. */
final class ProtocolViolation extends SidecarException
{
    public function __construct(
        string $message,
        /** What a sidecar would call it: `bad_frame`, `too_large` or `bad_message`. */
        public readonly string $violation = 'bad_message',
    ) {
        parent::__construct($message, 502, 'protocol_violation');
    }
}
