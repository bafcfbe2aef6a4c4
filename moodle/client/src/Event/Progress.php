<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Event;

use OpenaiMoodleSidecar\Wire\Fields;

/** How far the work is that comes before the text. */
final class Progress implements Event
{
    public function __construct(
        /** What is being done, for people, in English. */
        public readonly string $stage,
        public readonly int $done,
        public readonly int $total,
    ) {
    }

    /** @internal */
    public static function from(Fields $fields): self
    {
        return new self($fields->string('stage'), $fields->int('done'), $fields->int('total'));
    }
}
