<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Event;

use OpenaiMoodleSidecar\Wire\Fields;

/** The next piece of the text. */
final class Delta implements Event
{
    public function __construct(
        /** 1, 2, 3, ... without gaps: where to resume after. */
        public readonly int $seq,
        /** Never empty, whole code points. Untrusted plain text (SPEC.md 12). */
        public readonly string $text,
    ) {
    }

    /** @internal */
    public static function from(Fields $fields): self
    {
        return new self($fields->int('seq'), $fields->string('text'));
    }
}
