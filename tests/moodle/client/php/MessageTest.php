<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Tests;

use OpenaiMoodleSidecar\Answer;
use OpenaiMoodleSidecar\Error\Internal;
use OpenaiMoodleSidecar\Error\ProtocolViolation;
use OpenaiMoodleSidecar\Error\SidecarError;
use OpenaiMoodleSidecar\Event\Acknowledgement;
use OpenaiMoodleSidecar\Event\Delta;
use OpenaiMoodleSidecar\Event\Done;
use OpenaiMoodleSidecar\Event\Heartbeat;
use OpenaiMoodleSidecar\Event\Progress;
use OpenaiMoodleSidecar\Event\Start;
use OpenaiMoodleSidecar\Event\Status;
use OpenaiMoodleSidecar\Event\Ticket;
use OpenaiMoodleSidecar\Usage;
use OpenaiMoodleSidecar\Wire\FrameDecoder;
use OpenaiMoodleSidecar\Wire\Message;
use PHPUnit\Framework\TestCase;

/** The golden files of what the sidecar sends, and its codes. */
final class MessageTest extends TestCase
{
    /**
     * @dataProvider good
     *
     * @param array<string, mixed> $vector
     */
    public function testWhatTheVectorsSayIsUnderstood(array $vector): void
    {
        $message = Message::decode(Vectors::bytes($vector['message']));
        self::assertNotNull($message);
        $fields = self::fields($message);
        foreach ($vector['lengths'] ?? [] as $name => $length) {
            self::assertSame($length, mb_strlen($fields[$name], 'UTF-8'));
            unset($fields[$name]);
        }
        self::assertEquals(self::present($vector['fields']), $fields);
    }

    /**
     * @dataProvider skipped
     *
     * @param array<string, mixed> $vector
     */
    public function testEventsOfALaterVersionAreSkipped(array $vector): void
    {
        self::assertNull(Message::decode(Vectors::bytes($vector['message'])));
    }

    /**
     * @dataProvider bad
     *
     * @param array<string, mixed> $vector
     */
    public function testWhatIsNeitherEventNorAnswerIsAViolation(array $vector): void
    {
        $this->expectException(ProtocolViolation::class);
        Message::decode(Vectors::bytes($vector['message']));
    }

    /**
     * @dataProvider conversations
     *
     * @param array<string, mixed> $vector
     */
    public function testConversations(array $vector): void
    {
        $decode = static function (array $chunks) use ($vector): array {
            $decoder = $vector['dialect'] === 'frames' ? new FrameDecoder() : new LineDecoder();
            $payloads = [];
            foreach (str_split(implode('', array_map(Vectors::bytes(...), $chunks)), 3) as $piece) {
                $decoder->feed($piece);
                while (($payload = $decoder->next()) !== null) {
                    $payloads[] = $payload;
                }
            }
            return $payloads;
        };
        $replies = array_map(static fn (string $payload) => Message::decode($payload), $decode($vector['server']));
        self::assertEquals(array_map(self::present(...), $vector['replies']), array_map(self::fields(...), $replies));
        $requests = $decode($vector['client']);
        self::assertCount(count($requests), $vector['requests']);
        foreach ($vector['requests'] as $number => $request) {
            if ($request !== null) {
                self::assertEquals($request, json_decode($requests[$number], true, flags: JSON_THROW_ON_ERROR));
            }
        }
    }

    public function testEveryCodeOfTheSpecificationHasItsClass(): void
    {
        $spec = (string) file_get_contents(Vectors::PROTOCOL . '/SPEC.md');
        preg_match_all('/^\| `([a-z_]+)` \| ([45]\d\d) \|/m', $spec, $rows, PREG_SET_ORDER);
        self::assertGreaterThan(25, count($rows));
        foreach ($rows as [, $code, $status]) {
            $error = "{\"event\":\"error\",\"code\":\"$code\",\"message\":\"Why.\",\"retry_after\":2}";
            $body = Message::decode($error)?->body;
            self::assertInstanceOf(SidecarError::class, $body);
            self::assertSame([$code, $code], [$body::CODE, $body->errorCode]);
            self::assertSame([(int) $status, 'Why.', 2.0], [$body->getCode(), $body->getMessage(), $body->retryAfter]);
        }
    }

    /** @dataProvider strangeCodes */
    public function testACodeOfALaterSidecarIsTakenAsInternalAndKept(string $code): void
    {
        $body = Message::decode("{\"success\":false,\"error\":\"Why.\",\"code\":\"$code\"}")?->body;
        self::assertInstanceOf(Internal::class, $body);
        self::assertSame($code, $body->errorCode);
    }

    /** @return list<array{string}> Some of them name classes, but no codes. */
    public static function strangeCodes(): array
    {
        return [['out_of_coffee'], ['sidecar_error'], ['sidecar_exception'], ['badframe'], ['Bad_Frame'], ['']];
    }

    /** @return array<string, array{array<string, mixed>}> */
    public static function good(): array
    {
        return Vectors::cases('events/good.json', 'answers/good.json');
    }

    /** @return array<string, array{array<string, mixed>}> */
    public static function bad(): array
    {
        return Vectors::cases('events/bad.json', 'answers/bad.json');
    }

    /** @return array<string, array{array<string, mixed>}> */
    public static function skipped(): array
    {
        return Vectors::cases('events/skipped.json');
    }

    /** @return array<string, array{array<string, mixed>}> */
    public static function conversations(): array
    {
        return Vectors::cases('conversations.json');
    }

    /** @return array<string, mixed> The fields that a typed message has, by their names on the wire. */
    private static function fields(Message $message): array
    {
        $body = $message->body;
        $own = match (true) {
            $body instanceof Start => [
                'event' => 'start', 'reply' => $body->reply, 'model' => $body->model, 'ticket' => $body->ticket,
                'expires_in' => $body->expiresIn,
            ],
            $body instanceof Delta => ['event' => 'delta', 'seq' => $body->seq, 'text' => $body->text],
            $body instanceof Progress => ['event' => 'progress'] + get_object_vars($body),
            $body instanceof Done => [
                'event' => 'done', 'finish_reason' => $body->finishReason->value, 'usage' => self::usage($body->usage),
                'overhead_ms' => $body->overheadMs, 'shared' => $body->shared ?: null, 'result' => $body->result,
            ],
            $body instanceof Status => [
                'event' => 'done', 'tickets' => $body->tickets ?: null,
            ] + get_object_vars($body),
            $body instanceof Ticket => [
                'event' => 'done', 'ticket' => $body->ticket, 'expires_in' => $body->expiresIn,
            ],
            $body instanceof Acknowledgement => ['event' => 'done'],
            $body instanceof Heartbeat => ['event' => 'ping'],
            $body instanceof Answer => [
                'success' => true, 'data' => $body->text, 'finish_reason' => $body->finishReason?->value,
                'usage' => self::usage($body->usage), 'reply' => $body->reply, 'model' => $body->model,
                'shared' => $body->shared ?: null, 'overhead_ms' => $body->overheadMs, 'result' => $body->result,
            ],
            $body instanceof SidecarError => [
                'code' => $body->errorCode, 'retry_after' => $body->retryAfter, 'usage' => self::usage($body->usage),
                'shared' => $body->shared ?: null, 'partial' => $body->partial, 'reply' => $body->reply,
            ],
        };
        if ($body instanceof SidecarError) {
            self::assertSame($message->id, $body->requestId);
            $own['error'] = $body->getMessage();
        }
        return self::present(['id' => $message->id] + $own);
    }

    /** @return array<string, int|bool>|null */
    private static function usage(?Usage $usage): ?array
    {
        return $usage === null ? null : array_filter([
            'prompt_tokens' => $usage->promptTokens,
            'completion_tokens' => $usage->completionTokens,
            'estimated' => $usage->estimated,
        ], static fn (int|bool $value): bool => $value !== false);
    }

    /**
     * @param array<string, mixed> $fields
     *
     * @return array<string, mixed> Without what is null, and a failure in one form for both of its own.
     */
    private static function present(array $fields): array
    {
        if (($fields['event'] ?? null) === 'error') {
            $fields['error'] = $fields['message'];
            unset($fields['event'], $fields['message']);
        }
        if (($fields['success'] ?? null) === false) {
            unset($fields['success']);
        }
        return array_filter($fields, static fn (mixed $value): bool => $value !== null);
    }
}
