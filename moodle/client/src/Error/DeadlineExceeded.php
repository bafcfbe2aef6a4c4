<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** The sidecar did not answer within one of the caller's own deadlines. The model may have been asked, and paid. */
final class DeadlineExceeded extends SidecarException
{
    public function __construct(
        /** Which one: a property of Deadlines. */
        public readonly string $deadline,
        /** How long it is. */
        public readonly float $seconds,
    ) {
        $what = match ($deadline) {
            'firstEvent' => 'did not answer',
            'silence' => 'fell silent',
            default => 'did not come to an end',
        };
        parent::__construct("The sidecar $what within $seconds s ($deadline).", 504, 'deadline_exceeded');
    }
}
