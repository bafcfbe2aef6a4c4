<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Transport;

/**
 * The other end has gone; the message says what is known of why.
 *
 * @internal Leaves the client as a ConnectionFailed or a ConnectionLost.
 */
final class EndOfConnection extends \RuntimeException
{
    public function __construct(
        string $message,
        /** It is known that no request was read. */
        public readonly bool $isUnread = false,
    ) {
        parent::__construct($message);
    }
}
