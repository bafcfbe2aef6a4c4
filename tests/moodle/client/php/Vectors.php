<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Tests;

/** The golden files of protocol/vectors; the README there says what is in them. */
final class Vectors
{
    public const PROTOCOL = __DIR__ . '/../../../../protocol';

    /** @return list<array<string, mixed>> */
    public static function load(string $file): array
    {
        $json = (string) file_get_contents(self::PROTOCOL . "/vectors/$file");
        return json_decode($json, true, flags: JSON_THROW_ON_ERROR);
    }

    /** @return array<string, array{array<string, mixed>}> As PHPUnit wants them, one test a vector. */
    public static function cases(string ...$files): array
    {
        $cases = [];
        foreach ($files as $file) {
            foreach (self::load($file) as $vector) {
                $cases["$file: {$vector['name']}"] = [$vector];
            }
        }
        return $cases;
    }

    /** Returns the bytes that a golden file writes as text, hex, a repetition, or several of these. */
    public static function bytes(mixed $written): string
    {
        return match (true) {
            is_string($written) => $written,
            isset($written['hex']) => (string) hex2bin(str_replace(' ', '', $written['hex'])),
            isset($written['repeat']) => str_repeat(self::bytes($written['repeat'][0]), $written['repeat'][1]),
            default => implode('', array_map(self::bytes(...), $written)),
        };
    }
}
