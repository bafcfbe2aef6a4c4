<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Event;

/** What comes of a request, piece by piece. A stream gives Start, then Delta, Progress and Heartbeat, then Done. */
interface Event
{
}
