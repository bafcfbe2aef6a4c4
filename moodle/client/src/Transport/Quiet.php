<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Transport;

/**
 * Calls PHP functions that tell of a failure by a warning as well as by what they return.
 *
 * Not by `@`: an error handler that takes no notice of it would turn the warning into an exception, or into a page.
 *
 * @internal
 */
final class Quiet
{
    /**
     * @template T
     *
     * @param \Closure(): T $call
     *
     * @return T
     */
    public static function call(\Closure $call): mixed
    {
        set_error_handler(static fn (): bool => true);
        try {
            return $call();
        } finally {
            restore_error_handler();
        }
    }
}
