<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Tests;

use OpenaiMoodleSidecar\Deadlines;
use OpenaiMoodleSidecar\Error\InvalidSettings;
use OpenaiMoodleSidecar\Settings;
use OpenaiMoodleSidecar\Transport\Transport;
use PHPUnit\Framework\TestCase;

/** Settings are checked when they are made, and keep their secrets. */
final class SettingsTest extends TestCase
{
    private const COMMAND = ['/bin/sidecar', 'stdio'];

    public function testWhatIsSetIsTriedInTheUsualOrder(): void
    {
        self::assertSame(['unix'], self::names(new Settings()));
        $all = new Settings(tcp: '127.0.0.1:8081', command: self::COMMAND);
        self::assertSame(['unix', 'tcp', 'stdio'], self::names($all));
    }

    public function testTheOrderCanBeChosen(): void
    {
        $settings = new Settings(tcp: '[::1]:8081', command: self::COMMAND, order: ['stdio', 'unix']);
        self::assertSame(['stdio', 'unix'], self::names($settings));
    }

    /**
     * @dataProvider wrong
     *
     * @param array<string, mixed> $settings
     */
    public function testWhatIsWrongIsNamed(array $settings, string $name): void
    {
        $this->expectException(InvalidSettings::class);
        $this->expectExceptionMessageMatches("/\\A$name |[ `]{$name}[ `,]/");
        new Settings(...$settings);
    }

    /** @return array<string, array{array<string, mixed>, string}> */
    public static function wrong(): array
    {
        return [
            'a relative path' => [['socket' => 'sidecar.sock'], 'socket'],
            'a path that is too long' => [['socket' => '/' . str_repeat('x', 107)], 'socket'],
            'a path with NUL' => [['socket' => "/x\0"], 'socket'],
            'an address elsewhere' => [['tcp' => '192.168.1.1:8081'], 'tcp'],
            'a name that only begins like loopback' => [['tcp' => '127.0.0.1.example.org:8081'], 'tcp'],
            'an address without port' => [['tcp' => '127.0.0.1'], 'tcp'],
            'a line feed behind the address' => [['tcp' => "127.0.0.1:8081\n"], 'tcp'],
            'a token and its file' => [['tcp' => '127.0.0.1:1', 'token' => 'x', 'tokenFile' => '/x'], 'token'],
            'a command without path' => [['command' => ['openai-moodle-sidecar']], 'command'],
            'an empty command' => [['command' => []], 'command'],
            'an unknown transport' => [['order' => ['unix', 'pigeon']], 'pigeon'],
            'a transport without settings' => [['order' => ['tcp']], 'tcp'],
            'a transport twice' => [['order' => ['unix', 'unix']], 'order'],
            'no rest' => [['restSeconds' => 0.0], 'restSeconds'],
            'no transport at all' => [['socket' => null], 'socket'],
        ];
    }

    /** @dataProvider noDeadlines */
    public function testADeadlineIsATimeThatComes(float $seconds): void
    {
        $this->expectExceptionMessage('silence');
        new Deadlines(silence: $seconds);
    }

    /** @return list<array{float}> */
    public static function noDeadlines(): array
    {
        return [[0.0], [-1.0], [INF], [NAN]];
    }

    public function testDumpsShowNoSecret(): void
    {
        $environment = ['OPENAI_API_KEY' => 'sk-canary-4tQz'];
        $settings = new Settings(
            tcp: '127.0.0.1:8081',
            token: 'CANARYcanary',
            command: self::COMMAND,
            environment: $environment,
        );
        ob_start();
        var_dump($settings);
        $shown = ob_get_clean() . print_r($settings, true) . var_export($settings, true);
        self::assertStringContainsString('127.0.0.1:8081', $shown);
        self::assertDoesNotMatchRegularExpression('/canary/i', $shown);
    }

    public function testWhatHoldsSecretsCannotBeSerialized(): void
    {
        $this->expectExceptionMessage('Serialization');
        serialize(new Settings(tcp: '127.0.0.1:8081', token: 'CANARYcanary'));
    }

    /** @return list<string> */
    private static function names(Settings $settings): array
    {
        return array_map(static fn (Transport $transport): string => $transport->name(), $settings->transports);
    }
}
