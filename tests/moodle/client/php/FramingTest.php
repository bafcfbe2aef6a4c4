<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Tests;

use OpenaiMoodleSidecar\Error\ProtocolViolation;
use OpenaiMoodleSidecar\Wire\FrameDecoder;
use PHPUnit\Framework\TestCase;

/** The golden files of framing, however the bytes are cut. */
final class FramingTest extends TestCase
{
    /**
     * @dataProvider frames
     *
     * @param array<string, mixed> $vector
     */
    public function testFrames(array $vector): void
    {
        $max = $vector['max_payload_bytes'] ?? FrameDecoder::MAX_PAYLOAD_BYTES;
        $this->decode(static fn (): FrameDecoder => new FrameDecoder($max), $vector);
    }

    /**
     * @dataProvider lines
     *
     * @param array<string, mixed> $vector
     */
    public function testLines(array $vector): void
    {
        $max = $vector['max_payload_bytes'] ?? FrameDecoder::MAX_PAYLOAD_BYTES;
        $this->decode(static fn (): LineDecoder => new LineDecoder($max), $vector);
    }

    /**
     * @dataProvider encodings
     *
     * @param array<string, mixed> $vector
     */
    public function testEncoding(array $vector): void
    {
        $frame = FrameDecoder::encode(Vectors::bytes($vector['payload']));
        self::assertSame(Vectors::bytes($vector['frame']), $frame);
    }

    /** @return array<string, array{array<string, mixed>}> */
    public static function frames(): array
    {
        return Vectors::cases('framing/frames.json');
    }

    /** @return array<string, array{array<string, mixed>}> */
    public static function lines(): array
    {
        return Vectors::cases('framing/lines.json');
    }

    /** @return array<string, array{array<string, mixed>}> */
    public static function encodings(): array
    {
        return Vectors::cases('framing/encode.json');
    }

    /**
     * @param \Closure(): (FrameDecoder|LineDecoder) $make
     * @param array<string, mixed> $vector
     */
    private function decode(\Closure $make, array $vector): void
    {
        $chunks = array_map(Vectors::bytes(...), $vector['chunks']);
        $all = implode('', $chunks);
        $ways = ['as written' => $chunks, 'at once' => [$all]];
        if (strlen($all) < 4096) {
            $ways += ['by the byte' => str_split($all), 'by the seven' => str_split($all, 7)];
        }
        foreach ($ways as $way => $pieces) {
            $found = self::takeAll($make(), $pieces, $vector['end'] ?? false);
            $expected = [
                'payloads' => array_map(Vectors::bytes(...), $vector['payloads']),
                'error' => $vector['error'] ?? null,
                'rest' => isset($vector['error']) ? null : $vector['rest'] ?? 0,
            ];
            // Not assertSame: its message would show megabytes.
            self::assertTrue($found === $expected, "$way: " . substr((string) json_encode($found), 0, 500));
        }
    }

    /**
     * @param array<string> $pieces
     *
     * @return array{payloads: list<string>, error: ?string, rest: ?int}
     */
    private static function takeAll(FrameDecoder|LineDecoder $decoder, array $pieces, bool $ends): array
    {
        $payloads = [];
        try {
            foreach ($pieces as $piece) {
                $decoder->feed($piece);
                while (($payload = $decoder->next()) !== null) {
                    $payloads[] = $payload;
                }
            }
            if ($ends && $decoder instanceof LineDecoder) {
                $decoder->end();
                while (($payload = $decoder->next()) !== null) {
                    $payloads[] = $payload;
                }
            }
        } catch (ProtocolViolation $violation) {
            return ['payloads' => $payloads, 'error' => $violation->violation, 'rest' => null];
        }
        return ['payloads' => $payloads, 'error' => null, 'rest' => $decoder->pendingBytes()];
    }
}
