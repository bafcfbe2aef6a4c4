<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar;

use OpenaiMoodleSidecar\Wire\Fields;

/** What a reply cost, in tokens. Book it once for each reply, and not where the reply says `shared`. */
final class Usage
{
    public function __construct(
        public readonly int $promptTokens,
        public readonly int $completionTokens,
        /** The provider gave no count: the sidecar counted by rule of thumb. */
        public readonly bool $estimated = false,
    ) {
    }

    /** @internal */
    public static function from(Fields $fields): self
    {
        return new self(
            $fields->int('prompt_tokens'),
            $fields->int('completion_tokens'),
            $fields->optionalBool('estimated') ?? false,
        );
    }
}
