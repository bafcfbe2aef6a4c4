<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Tests\Server;

use OpenaiMoodleSidecar\Event\Delta;
use OpenaiMoodleSidecar\Event\Event;
use OpenaiMoodleSidecar\Request;
use OpenaiMoodleSidecar\Settings;
use OpenaiMoodleSidecar\Wire\FrameDecoder;
use PHPUnit\Framework\TestCase;

/**
 * What PHP can do wrong on a connection: the rows C of the project's fault matrix, by their numbers.
 *
 * While it does, somebody else's stream comes whole; afterwards, who comes new is served at once.
 */
final class FaultsTest extends TestCase
{
    private const BYSTANDER_TOKENS = 6;

    private const CHAT = ['action' => 'chat', 'content' => 'Hi', 'stream' => true];

    private static ?string $expected = null;

    /** @var \Generator<int, Event> */
    private \Generator $bystander;

    protected function setUp(): void
    {
        $client = Sidecar::client(Settings::UNIX);
        $request = Request::chat('Hi', ['max_tokens' => self::BYSTANDER_TOKENS]);
        self::$expected ??= $client->ask($request)->text;
        $this->bystander = $client->stream($request);
    }

    protected function assertPostConditions(): void
    {
        $began = hrtime(true);
        self::assertTrue(Sidecar::client(Settings::UNIX)->status()->ready);
        self::assertLessThan(1e9, hrtime(true) - $began);
        $text = '';
        foreach ($this->bystander as $event) {
            $text .= $event instanceof Delta ? $event->text : '';
        }
        self::assertSame(self::$expected, $text);
    }

    public function testC01NothingIsSent(): void
    {
        foreach ([Settings::UNIX, Settings::TCP] as $transport) {
            self::assertSame('', Sidecar::connect($transport)->readToEnd());
        }
    }

    public function testC01OnStdioNobodyIsHurried(): void
    {
        $connection = Sidecar::connect(Settings::STDIO);
        usleep(400_000);
        $connection->send(['action' => 'ping', 'id' => '1']);
        self::assertSame('done', $connection->receive()['event'] ?? null);
    }

    /** @dataProvider sockets */
    public function testC02C11AFrameThatDoesNotBecomeWhole(string $transport): void
    {
        $connection = Sidecar::join($transport);
        $connection->sendBytes("\0\0\0\x10{\"action\"");
        self::assertRefusal('bad_frame', $connection);
    }

    /** @dataProvider sockets */
    public function testC04C05WhoNeverReadsIsCut(string $transport): void
    {
        $connection = Sidecar::join($transport);
        $ping = FrameDecoder::encode((string) json_encode(['action' => 'ping', 'id' => str_repeat('p', 64)]));
        // Until the server takes no more, which it says by cutting us.
        for ($taken = 0; $taken < 2000 && $connection->sendBytes(str_repeat($ping, 500)); $taken++) {
        }
        self::assertLessThan(2000, $taken);
    }

    /** @dataProvider transports */
    public function testC06HalfClose(string $transport): void
    {
        $connection = Sidecar::join($transport);
        $connection->send(['id' => '1', 'max_tokens' => 3] + self::CHAT);
        self::assertSame('start', $connection->receive()['event'] ?? null);
        $connection->endInput();
        $rest = $connection->receiveRest();
        // In frames on a socket it means that the client has left; on stdio, that there are no more requests.
        self::assertSame($transport === Settings::STDIO, ($rest[array_key_last($rest)]['event'] ?? null) === 'done');
    }

    public function testC06HalfCloseInLines(): void
    {
        $connection = Sidecar::connect(Settings::UNIX);
        $connection->sendBytes('{"action":"chat","content":"Hi","max_tokens":3}');
        $connection->endInput();
        self::assertMatchesRegularExpression('/\A\{"success":true,.*\}\n\z/', $connection->readToEnd());
    }

    /** @dataProvider transports */
    public function testC07C08C09ThoseWhoLeave(string $transport): void
    {
        $chat = FrameDecoder::encode((string) json_encode(['id' => '1'] + Sidecar::token($transport) + self::CHAT));
        $ways = $transport === Settings::STDIO ? ['close'] : ['close', 'reset'];
        foreach ($ways as $leave) {
            foreach (['', "\0", '{', substr($chat, 0, 4), substr($chat, 0, -1), $chat] as $sent) {
                for ($time = 0; $time < ($transport === Settings::STDIO ? 1 : 5); $time++) {
                    $connection = Sidecar::connect($transport);
                    $connection->sendBytes($sent);
                    if ($sent === $chat) {
                        $connection->receive();
                    }
                    $connection->$leave();
                }
            }
        }
        // What is to be seen is that nobody else suffers.
        $this->addToAssertionCount(1);
    }

    /** @dataProvider transports */
    public function testC12ToC20WhatIsNoFrame(string $transport): void
    {
        $all = [
            'C12 length 0' => ["\0\0\0\0", 'bad_frame'],
            'C14 one byte too long' => [pack('N', 8_388_609), 'too_large'],
            'C17 garbage' => [str_repeat("\xa5\x5a", 50_000), 'bad_frame'],
            'C20 HTTP after a frame' => ["POST /ai HTTP/1.1\r\nHost: x\r\n\r\n", 'bad_frame'],
            'C15 0xFFFFFFFF' => ["\xff\xff\xff\xff", 'bad_frame'],
            'C15 0x80000000' => ["\x80\0\0\0", 'bad_frame'],
            'C16 little-endian' => [pack('V', 26) . str_repeat('x', 26), 'bad_frame'],
            'C18 TLS ClientHello' => ["\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", 'bad_frame'],
            'C19 SSH' => ["SSH-2.0-OpenSSH_9.2\r\n", 'bad_frame'],
            'C19 Redis' => ["*1\r\n\$4\r\nPING\r\n", 'bad_frame'],
            'C19 FastCGI' => ["\x01\x01\0\x01\0\x08\0\0\0\x01\0\0\0\0\0\0", 'bad_frame'],
        ];
        if ($transport === Settings::STDIO) {
            // Each is a process; the code behind them is one.
            $all = array_slice($all, 0, 4);
        }
        foreach ($all as [$bytes, $code]) {
            $connection = Sidecar::join($transport);
            $connection->sendBytes($bytes);
            self::assertRefusal($code, $connection);
        }
    }

    public function testC13TheLargestFrame(): void
    {
        $connection = Sidecar::join(Settings::UNIX);
        $payload = '{"action":"ping","id":"1"}';
        $connection->sendBytes(FrameDecoder::encode($payload . str_repeat(' ', 8_388_608 - strlen($payload))));
        self::assertSame('done', $connection->receive()['event'] ?? null);
    }

    /** @dataProvider transports */
    public function testC47AThousandAtOnce(string $transport): void
    {
        $connection = Sidecar::join($transport);
        $requests = [];
        for ($number = 0; $number < 1000; $number++) {
            $requests[] = ['id' => "$number", 'max_tokens' => 1] + self::CHAT;
        }
        $connection->send(...$requests);
        $ends = ['done' => 0, 'overloaded' => 0];
        while (array_sum($ends) < 1000) {
            $message = $connection->receive() ?? self::fail('The connection was closed.');
            if ($message['event'] === 'done') {
                $ends['done']++;
            } elseif ($message['event'] === 'error') {
                $ends[$message['code']]++;
            }
        }
        self::assertCount(2, $ends);
        self::assertGreaterThanOrEqual(116, $ends['done']);
    }

    /** @dataProvider transports */
    public function testC49C50AnIdIsOneRequestAtATime(string $transport): void
    {
        $connection = Sidecar::join($transport);
        $chat = ['id' => '1', 'max_tokens' => 5] + self::CHAT;
        $connection->send($chat, $chat);
        $messages = $connection->receiveUntilEnd('1');
        self::assertSame('duplicate_id', end($messages)['code']);
        $messages = $connection->receiveUntilEnd('1');
        self::assertSame('done', end($messages)['event']);
        $connection->send($chat);
        $messages = $connection->receiveUntilEnd('1');
        self::assertSame('done', end($messages)['event']);
    }

    /** @dataProvider transports */
    public function testC51C53ToCancelWhatIsNotThere(string $transport): void
    {
        $connection = Sidecar::join($transport);
        $connection->send(['id' => '1', 'max_tokens' => 5] + self::CHAT);
        for ($time = 0; $time < 100; $time++) {
            $connection->send(...array_fill(0, 100, ['action' => 'cancel', 'id' => 'other']));
        }
        $messages = $connection->receiveUntilEnd('1');
        self::assertSame('done', end($messages)['event']);
        $connection->send(['action' => 'cancel', 'id' => '1'], ['action' => 'cancel', 'id' => '2', 'reply' => 'r_no']);
        self::assertSame('not_found', $connection->receive()['code'] ?? null);
    }

    /** @dataProvider transports */
    public function testC52CancelWhileRunningAndWhileWaiting(string $transport): void
    {
        $connection = Sidecar::join($transport);
        $ids = array_map(static fn (int $number): string => "r$number", range(1, 18));
        foreach ($ids as $id) {
            $connection->send(['id' => $id] + self::CHAT);
        }
        foreach (array_reverse($ids) as $id) {
            $connection->send(['action' => 'cancel', 'id' => $id], ['action' => 'cancel', 'id' => $id]);
        }
        $ended = [];
        while (count($ended) < count($ids)) {
            $message = $connection->receive() ?? self::fail('The connection was closed.');
            self::assertArrayNotHasKey($message['id'], $ended, 'Nothing comes after the end.');
            if ($message['event'] === 'error') {
                $ended[$message['id']] = $message['code'];
            }
        }
        self::assertSame(['cancelled'], array_values(array_unique($ended)));
    }

    public function testC55HundredsThatDoNothing(): void
    {
        $connections = [];
        for ($number = 0; $number < 300; $number++) {
            $connections[] = Sidecar::connect($number % 8 === 0 ? Settings::TCP : Settings::UNIX);
        }
        self::assertTrue(Sidecar::client(Settings::UNIX)->status()->ready);
        foreach ($connections as $connection) {
            self::assertSame('', $connection->readToEnd());
        }
    }

    public function testC61C63WrongTokens(): void
    {
        for ($time = 0; $time < 5; $time++) {
            foreach ([['token' => 'wrong'], []] as $token) {
                $connection = Sidecar::connect(Settings::TCP);
                $connection->send(['id' => '1'] + $token + self::CHAT);
                self::assertSame('unauthorized', $connection->receive()['code'] ?? null);
                self::assertNull($connection->receive());
            }
        }
        self::assertTrue(Sidecar::client(Settings::TCP)->status()->ready);
    }

    /** @dataProvider transports */
    public function testC73OneWithManyRequestsHoldsNobodyUp(string $transport): void
    {
        $greedy = Sidecar::join($transport);
        for ($number = 0; $number < 100; $number++) {
            $greedy->send(['id' => "$number"] + self::CHAT);
        }
        $began = hrtime(true);
        for ($number = 0; $number < 10; $number++) {
            Sidecar::client(Settings::UNIX)->stream(Request::chat('Hi'));
        }
        self::assertLessThan(1e9, hrtime(true) - $began);
    }

    /** @dataProvider transports */
    public function testC74HoweverAConversationIsCut(string $transport): void
    {
        $chat = ['id' => '1', 'content' => 'é😀', 'stream' => false, 'max_tokens' => 2] + self::CHAT;
        $bytes = FrameDecoder::encode((string) json_encode(['id' => '1', 'stream' => false] + $chat))
            . FrameDecoder::encode('{"action":"ping","id":"2"}');
        $answers = [];
        foreach ([1, 2, 7, 4096] as $size) {
            $connection = Sidecar::join($transport);
            foreach (str_split($bytes, $size) as $piece) {
                $connection->sendBytes($piece);
            }
            $pair = [$connection->receive(), $connection->receive()];
            $texts = array_column($pair, 'data', 'id');
            self::assertCount(1, $texts);
            $answers[] = $texts;
        }
        self::assertCount(1, array_unique($answers, SORT_REGULAR));
    }

    /** @return array<string, array{string}> */
    public static function transports(): array
    {
        return Sidecar::transports();
    }

    /** @return array<string, array{string}> */
    public static function sockets(): array
    {
        return Sidecar::sockets();
    }

    /** It is said once, to nobody in particular, and then there is nothing more. */
    private static function assertRefusal(string $code, RawConnection $connection): void
    {
        $refusal = $connection->receive();
        self::assertNotNull($refusal);
        self::assertSame(['error', null, $code], [$refusal['event'], $refusal['id'], $refusal['code']]);
        self::assertNull($connection->receive());
    }
}
