<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Tests;

use OpenaiMoodleSidecar\Transport\ApcuRest;
use OpenaiMoodleSidecar\Transport\FileRest;
use OpenaiMoodleSidecar\Transport\NoRest;
use OpenaiMoodleSidecar\Transport\Rest;
use PHPUnit\Framework\TestCase;

/** What failed just now is remembered for a while, and a memory that fails harms nobody. */
final class RestTest extends TestCase
{
    use TemporaryFolder;

    public function testAFileRemembers(): void
    {
        $this->remembers(new FileRest($this->folder()), new FileRest($this->folder()));
    }

    public function testApcuRemembers(): void
    {
        self::assertTrue(ApcuRest::isAvailable(), 'The tests run with -d apc.enable_cli=1.');
        $this->remembers(new ApcuRest('test:' . bin2hex(random_bytes(4))), null);
    }

    public function testAFileIsOverInTime(): void
    {
        $rest = new FileRest($this->folder());
        $rest->rest('tcp', 10.0);
        [$file] = glob($this->folder() . '/*') ?: [''];
        touch($file, time() - 1);
        self::assertFalse($rest->isResting('tcp'));
    }

    public function testAClockThatWasSetBackLetsNothingRestForEver(): void
    {
        $rest = new FileRest($this->folder());
        $rest->rest('tcp', 10.0);
        [$file] = glob($this->folder() . '/*') ?: [''];
        touch($file, time() + 86_400);
        self::assertFalse($rest->isResting('tcp'));
    }

    public function testAFolderThatIsNotThereRemembersNothing(): void
    {
        $rest = new FileRest('/nowhere');
        $rest->rest('tcp', 10.0);
        self::assertFalse($rest->isResting('tcp'));
    }

    public function testByDefaultNothingIsRemembered(): void
    {
        $rest = new NoRest();
        $rest->rest('tcp', 10.0);
        self::assertFalse($rest->isResting('tcp'));
    }

    public function testATimeOfZeroIsNotForEver(): void
    {
        $prefix = 'test:' . bin2hex(random_bytes(4));
        (new ApcuRest($prefix))->rest('tcp', 0.0);
        self::assertSame(1, apcu_key_info("{$prefix}tcp")['ttl'] ?? null);
    }

    private function remembers(Rest $rest, ?Rest $another): void
    {
        self::assertFalse($rest->isResting('tcp'));
        $rest->rest('tcp', 10.0);
        self::assertTrue($rest->isResting('tcp'));
        self::assertFalse($rest->isResting('unix'));
        self::assertTrue(($another ?? $rest)->isResting('tcp'));
    }
}
