<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Transport;

/** Remembers in the memory that PHP's workers share, where the extension APCu is there and switched on. */
final class ApcuRest implements Rest
{
    public function __construct(private readonly string $prefix = 'openai-moodle-sidecar:rest:')
    {
    }

    public static function isAvailable(): bool
    {
        return function_exists('apcu_enabled') && apcu_enabled();
    }

    public function isResting(string $transport): bool
    {
        return self::isAvailable() && apcu_exists($this->prefix . $transport);
    }

    public function rest(string $transport, float $seconds): void
    {
        if (self::isAvailable()) {
            // To APCu, 0 is for ever.
            apcu_store($this->prefix . $transport, true, max(1, (int) ceil($seconds)));
        }
    }
}
