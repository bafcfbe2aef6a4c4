<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Event;

/**
 * The sidecar is there, and nothing else was written for 10 s.
 *
 * PHP learns that a browser has left only when it writes: write something for each of these.
 */
final class Heartbeat implements Event
{
}
