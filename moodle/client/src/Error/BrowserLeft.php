<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

use OpenaiMoodleSidecar\Usage;

/** Nobody is there any more to read the stream. It was cancelled; a detached reply goes on without this reader. */
final class BrowserLeft extends SidecarException
{
    public function __construct(
        /** What the cancelled reply has cost; null where it goes on, or did not end at once. */
        public readonly ?Usage $usage,
    ) {
        parent::__construct('The browser left before the end.', 499, 'cancelled');
    }
}
