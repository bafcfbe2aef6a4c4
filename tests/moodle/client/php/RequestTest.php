<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Tests;

use OpenaiMoodleSidecar\Error\BadMessage;
use OpenaiMoodleSidecar\Error\TooLarge;
use OpenaiMoodleSidecar\Request;
use PHPUnit\Framework\TestCase;

/** What the client writes is what its caller meant. */
final class RequestTest extends TestCase
{
    /**
     * @dataProvider good
     *
     * @param array<string, mixed> $vector
     */
    public function testEveryGoodRequestOfTheVectorsCanBeWritten(array $vector): void
    {
        $fields = json_decode(Vectors::bytes($vector['payload']), true, flags: JSON_THROW_ON_ERROR);
        $own = ['action' => null, 'id' => null, 'token' => null, 'stream' => null, 'content' => null];
        $others = array_diff_key($fields, $own);
        $request = match ($fields['action']) {
            'chat' => Request::chat($fields['content'], $others),
            'summarize' => Request::summarize($fields['content'], $others),
            'analyze' => Request::analyze($fields['content'], $others),
            'selftest' => Request::selftest($others),
            'resume' => Request::resume($fields['reply'], $fields['after'] ?? 0, $fields['user_id'] ?? null),
            'cancel' => Request::cancel($fields['reply'] ?? '', $fields['user_id'] ?? null),
            'ticket' => Request::ticket($fields['reply'], $fields['after'] ?? 0, $fields['user_id'] ?? null),
            'ping' => Request::ping(),
        };
        $stream = ($fields['stream'] ?? false) === true;
        $payload = $request->encode($fields['id'] ?? 'none', $stream, $fields['token'] ?? null);

        $expected = array_filter($fields, static fn (mixed $value): bool => $value !== null && $value !== false);
        $defaults = ['id' => 'none'] + match ($fields['action']) {
            'resume', 'ticket' => ['after' => 0],
            'cancel' => ['reply' => ''],
            default => [],
        };
        $written = array_filter(json_decode($payload, true), static fn (mixed $value): bool => $value !== false);
        self::assertTrue($written == $expected + $defaults, substr($payload, 0, 500));
    }

    /** @return array<string, array{array<string, mixed>}> */
    public static function good(): array
    {
        return Vectors::cases('requests/good.json');
    }

    public function testTextIsWrittenAsItIs(): void
    {
        $payload = Request::chat("é😀</script>\u{2028}\n", ['model' => 'a/b'])->encode('1', true, null);
        self::assertSame(
            '{"action":"chat","id":"1","content":"é😀</script>\u2028\n","model":"a/b","stream":true}',
            $payload,
        );
    }

    public function testBytesThatAreNoTextBecomeReplacementCharacters(): void
    {
        self::assertStringContainsString("\"a\u{FFFD}b\"", Request::chat("a\xffb")->encode('1', false, null));
    }

    public function testAHistoryWithKeysOfADatabaseIsWrittenAsAList(): void
    {
        $history = [17 => ['role' => 'user', 'content' => 'Hi']];
        $payload = Request::chat('x', ['history' => $history])->encode('1', false, null);
        self::assertStringContainsString('"history":[{"role":"user","content":"Hi"}]', $payload);
    }

    public function testWhatJsonHasNoWordForIsABadMessage(): void
    {
        $this->expectException(BadMessage::class);
        Request::chat('x', ['temperature' => NAN])->encode('1', false, null);
    }

    public function testTheContentCannotBeGivenTwice(): void
    {
        $this->expectExceptionMessage('`content`');
        Request::chat('x', ['content' => 'y']);
    }

    public function testWhatTheClientFillsInCannotBeGiven(): void
    {
        $this->expectExceptionMessage('`token`, `stream`');
        Request::chat('x', ['stream' => true, 'token' => 'x']);
    }

    public function testWhatNoFrameCanHoldIsRefusedBeforeItIsSent(): void
    {
        $this->expectException(TooLarge::class);
        Request::summarize(str_repeat('x', 8_388_608))->encode('1', false, null);
    }

    public function testWhichRequestsNeedASidecarThatKeepsRunning(): void
    {
        self::assertFalse(Request::chat('x')->needsServer());
        self::assertFalse(Request::chat('x', ['detach' => false])->needsServer());
        self::assertTrue(Request::chat('x', ['detach' => true])->needsServer());
        self::assertTrue(Request::resume('r')->needsServer());
        self::assertFalse(Request::ping()->needsServer());
    }
}
