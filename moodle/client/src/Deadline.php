<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar;

/**
 * A deadline on a clock that nobody sets.
 *
 * @internal
 */
final class Deadline
{
    private readonly float $end;

    public function __construct(float $seconds)
    {
        $this->end = self::now() + $seconds;
    }

    /** How many seconds are left; below 0 when it is over. */
    public function left(): float
    {
        return $this->end - self::now();
    }

    private static function now(): float
    {
        return hrtime(true) / 1e9;
    }
}
