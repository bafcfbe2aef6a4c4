<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Event;

/** It was done, and there is no more to say: the end of a cancel by reply. */
final class Acknowledgement implements Event
{
}
