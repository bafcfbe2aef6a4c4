<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Transport;

/** Remembers in a small file for each transport, in a folder that only PHP's user may write to. */
final class FileRest implements Rest
{
    /** The clock may have been set back since: nothing rests longer than this. */
    private const MAX_SECONDS = 3600;

    public function __construct(private readonly string $folder)
    {
    }

    public function isResting(string $transport): bool
    {
        $file = $this->file($transport);
        clearstatcache(true, $file);
        // The time of the file says until when; its content means nothing, so no reader ever sees half of it.
        $left = (int) Quiet::call(static fn(): int|false => filemtime($file)) - time();
        return $left > 0 && $left <= self::MAX_SECONDS;
    }

    public function rest(string $transport, float $seconds): void
    {
        $end = time() + (int) ceil(min($seconds, self::MAX_SECONDS));
        Quiet::call(fn (): bool => touch($this->file($transport), $end));
    }

    private function file(string $transport): string
    {
        return "$this->folder/openai-moodle-sidecar-$transport.rest";
    }
}
