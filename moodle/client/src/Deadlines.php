<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar;

use OpenaiMoodleSidecar\Error\InvalidSettings;

/** How long to wait for the sidecar, in seconds. */
final class Deadlines
{
    public function __construct(
        /** For a connection, a full backlog included; each transport has as long. */
        public readonly float $connect = 2.0,
        /** From there until the first word of a stream, and for cancel, ticket and ping until their answer. */
        public readonly float $firstEvent = 10.0,
        /** Between two words of a stream. The sidecar gives a sign of life every 10 s. */
        public readonly float $silence = 30.0,
        /** For a whole request. The sidecar ends a reply after 600 s (SIDECAR_TIMEOUT_TOTAL). */
        public readonly float $total = 630.0,
    ) {
        foreach (compact('connect', 'firstEvent', 'silence', 'total') as $name => $seconds) {
            if (!is_finite($seconds) || $seconds <= 0) {
                throw new InvalidSettings("$name must be a number of seconds above 0.");
            }
        }
    }
}
