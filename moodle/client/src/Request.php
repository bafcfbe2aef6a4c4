<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar;

use OpenaiMoodleSidecar\Error\BadMessage;
use OpenaiMoodleSidecar\Error\TooLarge;
use OpenaiMoodleSidecar\Wire\FrameDecoder;

/**
 * What is asked of the sidecar.
 *
 * `$fields` are those of SPEC.md 3.2 by their names on the wire; null is the same as absent. What is wrong with them is
 * said by the sidecar, in the exception that the request ends with.
 *
 * @phpstan-type Common array{
 *     context?: ?string, instructions?: ?string, user_id?: string|int|null, course_id?: string|int|null,
 *     model?: ?string, max_tokens?: ?int, temperature?: int|float|null, language?: ?string,
 *     detach?: ?bool, ticket?: ?bool, key?: ?string, grace_seconds?: int|float|null, ...
 * }
 */
final class Request
{
    /** Fields that the client fills in. */
    private const RESERVED = ['action', 'id', 'token', 'stream'];

    /** @var array<string, mixed> */
    private readonly array $fields;

    /**
     * @param array<string, mixed> $own
     * @param array<string, mixed> $fields
     */
    private function __construct(
        public readonly string $action,
        #[\SensitiveParameter] array $own,
        #[\SensitiveParameter] array $fields = [],
    ) {
        $reserved = array_intersect([...self::RESERVED, ...array_keys($own)], array_keys($fields));
        if ($reserved !== []) {
            throw new \InvalidArgumentException('The client itself fills in `' . implode('`, `', $reserved) . '`.');
        }
        $this->fields = $own + $fields;
    }

    /**
     * Answers the latest message of a conversation; `history` has what was said before, oldest first.
     *
     * @param Common&array{history?: list<array{role: 'user'|'assistant', content: string}>|null, ...} $fields
     */
    public static function chat(
        #[\SensitiveParameter] string $content,
        #[\SensitiveParameter] array $fields = [],
    ): self {
        return new self('chat', ['content' => $content], self::listTurns($fields));
    }

    /**
     * Summarizes a text.
     *
     * @param Common&array{length?: 'short'|'medium'|'long'|null, style?: 'prose'|'bullets'|null, ...} $fields
     */
    public static function summarize(
        #[\SensitiveParameter] string $content,
        #[\SensitiveParameter] array $fields = [],
    ): self {
        return new self('summarize', ['content' => $content], $fields);
    }

    /**
     * Analyzes a text for teaching and learning.
     *
     * @param Common&array{format?: 'text'|'json'|null, ...} $fields
     */
    public static function analyze(
        #[\SensitiveParameter] string $content,
        #[\SensitiveParameter] array $fields = [],
    ): self {
        return new self('analyze', ['content' => $content], $fields);
    }

    /**
     * Writes five short pieces, 0.2 seconds apart, without a model, without cost. Whether they arrive like that shows
     * whether something on the way keeps them back.
     *
     * @param array{user_id?: string|int|null, detach?: ?bool, ticket?: ?bool} $fields
     */
    public static function selftest(array $fields = []): self
    {
        return new self('selftest', [], $fields);
    }

    /** Reads a detached reply: as a stream the deltas behind `$after`, in one piece the whole text. */
    public static function resume(string $reply, int $after = 0, string|int|null $userId = null): self
    {
        return new self('resume', ['reply' => $reply, 'after' => $after, 'user_id' => $userId]);
    }

    /** @internal See Client::cancel. */
    public static function cancel(string $reply, string|int|null $userId = null): self
    {
        return new self('cancel', ['reply' => $reply, 'user_id' => $userId]);
    }

    /** @internal See Client::ticket. */
    public static function ticket(string $reply, int $after = 0, string|int|null $userId = null): self
    {
        return new self('ticket', ['reply' => $reply, 'after' => $after, 'user_id' => $userId]);
    }

    /** @internal See Client::status. */
    public static function ping(): self
    {
        return new self('ping', []);
    }

    /**
     * @param array<string, mixed> $fields
     *
     * @return array<string, mixed> With `history` as a list: of a keyed array, as a database gives it, JSON would make
     *     an object.
     */
    private static function listTurns(#[\SensitiveParameter] array $fields): array
    {
        if (is_array($fields['history'] ?? null)) {
            $fields['history'] = array_values($fields['history']);
        }
        return $fields;
    }

    /** Whether the reply outlives its connection. */
    public function isDetached(): bool
    {
        return ($this->fields['detach'] ?? false) === true;
    }

    /** Whether only a sidecar that keeps running can serve it: it is about a reply beyond its own connection. */
    public function needsServer(): bool
    {
        return $this->isDetached() || in_array($this->action, ['resume', 'cancel', 'ticket'], true);
    }

    /** Whether it is answered at once, by an event, whether it streams or not. */
    public function isControl(): bool
    {
        return in_array($this->action, ['cancel', 'ticket', 'ping'], true);
    }

    /**
     * Returns the request as a payload.
     *
     * @internal
     *
     * @throws BadMessage There is something in it that JSON has no word for, such as NAN.
     * @throws TooLarge The payload is longer than any frame may be.
     */
    public function encode(string $id, bool $stream, #[\SensitiveParameter] ?string $token): string
    {
        $fields = ['action' => $this->action, 'id' => $id, 'token' => $token] + $this->fields;
        if ($stream) {
            $fields['stream'] = true;
        }
        $present = array_filter($fields, static fn (mixed $value): bool => $value !== null);
        try {
            $payload = json_encode(
                $present,
                JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE,
            );
        } catch (\JsonException $exception) {
            throw new BadMessage("The request cannot be written as JSON: {$exception->getMessage()}.");
        }
        if (strlen($payload) > FrameDecoder::MAX_PAYLOAD_BYTES) {
            $limit = FrameDecoder::MAX_PAYLOAD_BYTES;
            throw new TooLarge("A request has at most $limit bytes; this one has " . strlen($payload) . '.');
        }
        return $payload;
    }

    /** @return array<string, mixed> What dumps may show: of the fields only the names, since people wrote them. */
    public function __debugInfo(): array
    {
        return ['action' => $this->action, 'fields' => array_keys($this->fields)];
    }
}
