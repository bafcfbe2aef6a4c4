<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Event;

use OpenaiMoodleSidecar\FinishReason;
use OpenaiMoodleSidecar\Usage;
use OpenaiMoodleSidecar\Wire\Fields;

/** The good end of a reply. */
final class Done implements Event
{
    public function __construct(
        public readonly FinishReason $finishReason,
        public readonly Usage $usage,
        /** The sidecar's own share: from the whole request until the provider was asked. */
        public readonly float $overheadMs = 0.0,
        /** The reply shares a call that another request started, where its usage is booked. */
        public readonly bool $shared = false,
        /**
         * What `'format' => 'json'` asks for (SPEC.md 4.7); null for a text. Untrusted, as texts are.
         *
         * @var array<array-key, mixed>|null
         */
        public readonly ?array $result = null,
    ) {
    }

    /** @internal */
    public static function from(Fields $fields): self
    {
        return new self(
            FinishReason::of($fields->string('finish_reason')),
            Usage::from($fields->fields('usage')),
            $fields->optionalFloat('overhead_ms') ?? 0.0,
            $fields->optionalBool('shared') ?? false,
            $fields->optionalArray('result'),
        );
    }
}
