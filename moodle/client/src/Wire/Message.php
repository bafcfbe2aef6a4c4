<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Wire;

use OpenaiMoodleSidecar\Answer;
use OpenaiMoodleSidecar\Error\ProtocolViolation;
use OpenaiMoodleSidecar\Error\SidecarError;
use OpenaiMoodleSidecar\Event\Acknowledgement;
use OpenaiMoodleSidecar\Event\Delta;
use OpenaiMoodleSidecar\Event\Done;
use OpenaiMoodleSidecar\Event\Event;
use OpenaiMoodleSidecar\Event\Heartbeat;
use OpenaiMoodleSidecar\Event\Progress;
use OpenaiMoodleSidecar\Event\Start;
use OpenaiMoodleSidecar\Event\Status;
use OpenaiMoodleSidecar\Event\Ticket;

/**
 * One payload of the sidecar, understood.
 *
 * @internal
 */
final class Message
{
    private function __construct(
        /** Of the request that caused it; null: of none, or of one without a name. */
        public readonly ?string $id,
        public readonly Event|Answer|SidecarError $body,
    ) {
    }

    /**
     * Reads a payload; null where it is an event of a later version, which is to be skipped.
     *
     * @throws ProtocolViolation It is neither an event nor an answer.
     */
    public static function decode(#[\SensitiveParameter] string $payload): ?self
    {
        $fields = self::parse($payload);
        $body = match (true) {
            $fields->has('event') => self::event($fields),
            $fields->bool('success') => Answer::from($fields),
            default => SidecarError::from($fields),
        };
        return $body === null ? null : new self($fields->optionalString('id'), $body);
    }

    /** Whether nothing follows for the request. */
    public function isEnd(): bool
    {
        return !(
            $this->body instanceof Start || $this->body instanceof Delta
            || $this->body instanceof Progress || $this->body instanceof Heartbeat
        );
    }

    private static function parse(#[\SensitiveParameter] string $payload): Fields
    {
        // json_decode would skip white space before the object.
        if (!str_starts_with($payload, '{')) {
            throw new ProtocolViolation('The sidecar sent something else than a JSON object.');
        }
        try {
            /** @var array<array-key, mixed> $values */
            $values = json_decode($payload, true, flags: JSON_THROW_ON_ERROR);
        } catch (\JsonException $exception) {
            throw new ProtocolViolation("The sidecar sent no JSON: {$exception->getMessage()}.");
        }
        return new Fields($values);
    }

    private static function event(Fields $fields): Event|SidecarError|null
    {
        return match ($fields->string('event')) {
            'start' => Start::from($fields),
            'delta' => Delta::from($fields),
            'progress' => Progress::from($fields),
            'done' => self::done($fields),
            'error' => SidecarError::from($fields),
            'ping' => new Heartbeat(),
            default => null,
        };
    }

    /** The fields of `done` follow from the action that it ends. */
    private static function done(Fields $fields): Event
    {
        return match (true) {
            $fields->has('finish_reason') => Done::from($fields),
            $fields->has('protocol') => Status::from($fields),
            $fields->has('ticket') => Ticket::from($fields),
            default => new Acknowledgement(),
        };
    }
}
