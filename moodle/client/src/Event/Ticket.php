<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Event;

use OpenaiMoodleSidecar\Wire\Fields;

/** What a browser reads one reply with, once, through the web server: the end of the action `ticket`. */
final class Ticket implements Event
{
    public function __construct(
        public readonly string $ticket,
        /** The seconds that it is good for. */
        public readonly float $expiresIn,
    ) {
    }

    /** @internal */
    public static function from(Fields $fields): self
    {
        return new self($fields->string('ticket'), $fields->float('expires_in'));
    }
}
