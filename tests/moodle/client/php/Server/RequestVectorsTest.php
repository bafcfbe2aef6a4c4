<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Tests\Server;

use OpenaiMoodleSidecar\Settings;
use OpenaiMoodleSidecar\Tests\Vectors;
use OpenaiMoodleSidecar\Wire\FrameDecoder;
use PHPUnit\Framework\TestCase;

/** The golden files of requests, sent from PHP to the real server over each transport. */
final class RequestVectorsTest extends TestCase
{
    private const KINDS = [
        'null' => 'null', 'boolean' => 'true', 'integer' => '1', 'float' => '1.5', 'string' => '"x"', 'array' => '[]',
        'object' => '{}',
    ];

    /** @dataProvider transports */
    public function testGoodRequestsAreUnderstood(string $transport): void
    {
        foreach (Vectors::load('requests/good.json') as $vector) {
            if ($transport === Settings::STDIO && strlen(Vectors::bytes($vector['payload'])) < 1_000_000) {
                // Each connection is a process here: one is enough to see that they are understood there.
                continue;
            }
            $connection = Sidecar::join($transport);
            // Some are answered by nothing: then the ping is.
            $first = $this->ask($connection, Vectors::bytes($vector['payload']), ['action' => 'ping', 'id' => 'after']);
            $refused = ['bad_frame', 'bad_message', 'unknown_action', 'unauthorized'];
            self::assertNotContains($first['code'] ?? '', $refused, $vector['name']);
        }
    }

    /** @dataProvider transports */
    public function testBadRequestsAreRefusedAsTheVectorsSay(string $transport): void
    {
        $connection = Sidecar::join($transport);
        foreach (Vectors::load('requests/bad.json') as $vector) {
            $payload = Vectors::bytes($vector['payload']);
            if ($payload === '') {
                // A frame has no way to say it.
                continue;
            }
            $refusal = $this->ask($connection, $payload);
            $isEvent = ($refusal['event'] ?? null) === 'error';
            self::assertSame($vector['form'] === 'events', $isEvent, $vector['name']);
            self::assertSame($vector['code'], $refusal['code'], $vector['name']);
            self::assertSame($vector['id'], $refusal['id'] ?? null, $vector['name']);
            foreach ($vector['names'] ?? [] as $name) {
                self::assertStringContainsString($name, $refusal[$isEvent ? 'message' : 'error'], $vector['name']);
            }
        }
    }

    /** @dataProvider transports */
    public function testFieldsOfAnotherTypeAreRefusedAndNamed(string $transport): void
    {
        $connection = Sidecar::join($transport);
        foreach (Vectors::load('requests/types.json') as $vector) {
            foreach ($vector['fields'] as $field => $kinds) {
                foreach ($kinds as $kind) {
                    $refusal = $this->ask($connection, "{$vector['start']}\"$field\":" . self::KINDS[$kind] . '}');
                    self::assertSame('bad_message', $refusal['code'], "{$vector['name']}: $field: $kind");
                    self::assertStringContainsString($field, $refusal['message'] ?? $refusal['error']);
                }
            }
        }
    }

    /** @dataProvider transports */
    public function testWhatADefaultServerDoesNotDoIsRefused(string $transport): void
    {
        $connection = Sidecar::join($transport);
        foreach (Vectors::load('requests/refused.json') as $vector) {
            $refusal = $this->ask($connection, Vectors::bytes($vector['payload']));
            // A child has no socket for the web server.
            $isTicket = $transport === Settings::STDIO && str_contains($vector['name'], 'ticket');
            self::assertSame($isTicket ? 'unsupported' : $vector['code'], $refusal['code'] ?? null, $vector['name']);
        }
    }

    /** @dataProvider sockets */
    public function testTheFirstByteTellsTheDialect(string $transport): void
    {
        $ping = json_encode(['action' => 'ping', 'id' => '1'] + Sidecar::token($transport), JSON_THROW_ON_ERROR);
        foreach (Vectors::load('detect.json') as $vector) {
            foreach (range(hexdec($vector['first'][0]), hexdec($vector['first'][1])) as $first) {
                $connection = Sidecar::connect($transport);
                $byte = chr((int) $first);
                [$rest, $expected] = match ($vector['socket']) {
                    'frames' => [substr(FrameDecoder::encode($ping), 1), '/\A\x00\x00..\{"event":"done"/s'],
                    'lines' => [substr($ping, 1) . "\n", '/\A\{"event":"done","id":"1",.*\}\n\z/'],
                    'skip' => ["$ping\n", '/\A\{"event":"done","id":"1",.*\}\n\z/'],
                    'http' => ["/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", '/\AHTTP\/1\.1 [45]/'],
                    'close' => ['', '/\A\z/'],
                };
                $connection->sendBytes($byte . $rest);
                if ($vector['socket'] === 'lines' || $vector['socket'] === 'skip') {
                    $connection->endInput();
                }
                self::assertMatchesRegularExpression($expected, $connection->readBytes(), bin2hex($byte));
            }
        }
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

    /**
     * @param array<string, mixed> ...$next What is sent behind it.
     *
     * @return array<string, mixed> What comes first.
     */
    private function ask(RawConnection $connection, string $payload, array ...$next): array
    {
        $connection->sendBytes(FrameDecoder::encode($payload));
        $connection->send(...$next);
        return $connection->receive() ?? self::fail('The connection was closed after: ' . substr($payload, 0, 200));
    }
}
