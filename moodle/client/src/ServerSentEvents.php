<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar;

use OpenaiMoodleSidecar\Error\SidecarError;
use OpenaiMoodleSidecar\Error\SidecarException;
use OpenaiMoodleSidecar\Event\Delta;
use OpenaiMoodleSidecar\Event\Done;
use OpenaiMoodleSidecar\Event\Event;
use OpenaiMoodleSidecar\Event\Heartbeat;
use OpenaiMoodleSidecar\Event\Progress;
use OpenaiMoodleSidecar\Event\Start;

/** Writes events for a browser, as the sidecar itself does where a web server stands before it (SPEC.md 2.4). */
final class ServerSentEvents
{
    public const HEADERS = [
        'Content-Type: text/event-stream; charset=utf-8',
        'Cache-Control: no-store, no-transform',
        // For nginx: without it, it keeps back what PHP writes until its buffer is full.
        'X-Accel-Buffering: no',
    ];

    /** A heartbeat becomes a comment: bytes on the way, and nothing for the page to do. */
    public static function event(Event $event): string
    {
        return match (true) {
            $event instanceof Start => self::write('start', ['reply' => $event->reply, 'model' => $event->model]),
            $event instanceof Delta => self::write('delta', get_object_vars($event), $event->seq),
            $event instanceof Progress => self::write('progress', get_object_vars($event)),
            $event instanceof Done => self::write('done', [
                'finish_reason' => $event->finishReason->value,
                'usage' => self::usage($event->usage),
                'overhead_ms' => $event->overheadMs,
            ] + ($event->shared ? ['shared' => true] : [])),
            $event instanceof Heartbeat => ": ping\n\n",
            default => throw new \InvalidArgumentException(get_class($event) . ' is no event of a stream.'),
        };
    }

    /**
     * The end of a stream that failed. Of the message it holds nothing: that is for the log, and may name paths.
     */
    public static function error(SidecarException $exception): string
    {
        return self::write('error', self::describe($exception));
    }

    /** The same as a JSON object, for the answer to a request that was refused before its stream began. */
    public static function refusal(SidecarException $exception): string
    {
        return self::json(self::describe($exception));
    }

    /** @return array<string, mixed> */
    private static function describe(SidecarException $exception): array
    {
        $error = ['code' => $exception->errorCode];
        if ($exception instanceof SidecarError) {
            $error['retry_after'] = $exception->retryAfter;
            $error['usage'] = $exception->usage === null ? null : self::usage($exception->usage);
        }
        return array_filter($error, static fn (mixed $value): bool => $value !== null);
    }

    /** @return array<string, int|bool> */
    private static function usage(Usage $usage): array
    {
        $counts = ['prompt_tokens' => $usage->promptTokens, 'completion_tokens' => $usage->completionTokens];
        return $usage->estimated ? $counts + ['estimated' => true] : $counts;
    }

    /** @param array<string, mixed> $fields */
    private static function write(string $name, array $fields, ?int $id = null): string
    {
        $data = self::json(['event' => $name] + $fields);
        return "event: $name\n" . ($id === null ? '' : "id: $id\n") . "data: $data\n\n";
    }

    /** @param array<string, mixed> $fields */
    private static function json(array $fields): string
    {
        return json_encode($fields, JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
    }
}
