<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Tests\Server;

use OpenaiMoodleSidecar\Settings;
use OpenaiMoodleSidecar\Wire\FrameDecoder;

/**
 * What PHP can do wrong with a connection and its frames: rows C of the project's fault matrix, by their numbers.
 *
 * Where the others are: C22 to C46 in RequestVectorsTest, C47 to C74 in RequestFaultsTest, C60 in TransportsTest, C62
 * in test_surroundings.py. C03, C21, C48 and C64 to C70 are of HTTP (tests/dialects/http). C54 and C56 to C59 need more
 * than a client (tests/http_pool, tests/e2e). C72 is a limit of its own.
 */
final class FaultsTest extends BystanderTestCase
{
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
        // A second, in which we are to have left.
        $connection->send(['id' => '1', 'max_tokens' => 40] + self::CHAT);
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

    /** It is said once, to nobody in particular, and then there is nothing more. */
    private static function assertRefusal(string $code, RawConnection $connection): void
    {
        $refusal = $connection->receive();
        self::assertNotNull($refusal);
        self::assertSame(['error', null, $code], [$refusal['event'], $refusal['id'], $refusal['code']]);
        self::assertNull($connection->receive());
    }
}
