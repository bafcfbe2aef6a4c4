<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Event;

use OpenaiMoodleSidecar\Wire\Fields;

/** The request was admitted. The model has not been asked yet. */
final class Start implements Event
{
    public function __construct(
        /** The reply's name, for resume, cancel and ticket. */
        public readonly string $reply,
        public readonly string $model,
        /** Where the request asked for one: what the browser reads the reply with, once. */
        public readonly ?string $ticket = null,
        /** The seconds that the ticket is good for. */
        public readonly ?float $expiresIn = null,
    ) {
    }

    /** @internal */
    public static function from(Fields $fields): self
    {
        return new self(
            $fields->string('reply'),
            $fields->string('model'),
            $fields->optionalString('ticket'),
            $fields->optionalFloat('expires_in'),
        );
    }
}
