<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar;

use OpenaiMoodleSidecar\Wire\Fields;

/** A reply in one piece. Fields that only a sidecar of before version 1 leaves out are null. */
final class Answer
{
    public function __construct(
        /** Untrusted plain text (SPEC.md 12): show it with `s()` or a cleaning `format_text()`. */
        public readonly string $text,
        public readonly ?FinishReason $finishReason = null,
        public readonly ?Usage $usage = null,
        public readonly ?string $reply = null,
        public readonly ?string $model = null,
        /** The reply shares a call that another request started, where its usage is booked. */
        public readonly bool $shared = false,
        public readonly ?float $overheadMs = null,
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
        $reason = $fields->optionalString('finish_reason');
        $usage = $fields->optionalFields('usage');
        return new self(
            $fields->string('data'),
            $reason === null ? null : FinishReason::of($reason),
            $usage === null ? null : Usage::from($usage),
            $fields->optionalString('reply'),
            $fields->optionalString('model'),
            $fields->optionalBool('shared') ?? false,
            $fields->optionalFloat('overhead_ms'),
            $fields->optionalArray('result'),
        );
    }
}
