<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar;

/** Why the text of a reply ends. */
enum FinishReason: string
{
    /** The model was done. */
    case Stop = 'stop';
    /** `max_tokens` or the model's own limit was reached: the text is cut off. */
    case Length = 'length';
    /** The provider's filter cut the text off. */
    case Filtered = 'filtered';
    /** The model declined to answer: the text says so, or there is none. */
    case Refused = 'refused';
    /** The provider gave another reason, or none; or one that a later sidecar knows. */
    case Other = 'other';

    /** @internal */
    public static function of(string $word): self
    {
        return self::tryFrom($word) ?? self::Other;
    }
}
