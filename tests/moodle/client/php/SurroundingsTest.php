<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Tests;

use OpenaiMoodleSidecar\Client;
use OpenaiMoodleSidecar\Deadlines;
use OpenaiMoodleSidecar\Error\ConnectionFailed;
use OpenaiMoodleSidecar\Error\DeadlineExceeded;
use OpenaiMoodleSidecar\Error\SidecarException;
use OpenaiMoodleSidecar\Request;
use OpenaiMoodleSidecar\Settings;
use OpenaiMoodleSidecar\Transport\FileRest;
use PHPUnit\Framework\TestCase;

/** PHP as administrators and other code have set it up. */
final class SurroundingsTest extends TestCase
{
    use PlayedSidecar;

    private const SECRETS = '/canary/i';

    protected function setUp(): void
    {
        // As it is without a php.ini: exceptions hold the arguments of what they came through.
        ini_set('zend.exception_ignore_args', '0');
    }

    protected function tearDown(): void
    {
        ini_restore('zend.exception_ignore_args');
    }

    /** @dataProvider failures */
    public function testNoExceptionShowsTokenKeyOrPrompt(\Closure $fail): void
    {
        $this->peer = Peer::playAt('tcp://127.0.0.1:0', $this->folder() . '/notes', 5, static function ($peer): void {
            $peer->read();
            $peer->send(['success' => false, 'error' => 'No.', 'code' => 'bad_message', 'partial' => 'x']);
        });
        try {
            $fail($this->peer->address);
            self::fail('It failed.');
        } catch (\InvalidArgumentException | SidecarException $exception) {
            $ours = static fn (array $frame): bool => str_starts_with($frame['class'] ?? '', 'OpenaiMoodleSidecar')
                && !str_starts_with($frame['class'], __NAMESPACE__);
            $shown = "$exception" . print_r(array_filter($exception->getTrace(), $ours), true);
            self::assertStringContainsString('[args] =>', $shown);
            self::assertDoesNotMatchRegularExpression(self::SECRETS, $shown);
        }
    }

    /** @return array<string, array{\Closure(string): mixed}> */
    public static function failures(): array
    {
        $chat = static fn (mixed ...$fields) => Request::chat('canary prompt', $fields);
        $tcp = static fn (string $tcp) => new Client(new Settings(socket: null, tcp: $tcp, token: 'CANARYcanary'));
        $environment = ['OPENAI_API_KEY' => 'sk-canary-8Yf2'];
        return [
            'a refusal' => [static fn (string $address) => $tcp($address)->ask($chat())],
            'a refused stream' => [static fn (string $address) => $tcp($address)->stream($chat())],
            'nobody there' => [static fn () => $tcp('127.0.0.1:1')->ask($chat())],
            'no JSON' => [static fn (string $address) => $tcp($address)->ask($chat(temperature: NAN))],
            'a reserved field' => [static fn () => $chat(context: 'canary context', id: '1')],
            'a wrong setting' => [static fn () => new Settings(command: ['x'], environment: $environment)],
            'a child that is not there' => [static fn () => (new Client(new Settings(
                socket: null,
                command: ['/nowhere/x'],
                environment: $environment,
            )))->ask($chat())],
        ];
    }

    public function testAConnectionIsClosedThoughSomebodyHoldsTheException(): void
    {
        $this->peer = Peer::play($this->folder(), static function (PeerConnection $peer): void {
            $peer->read();
            $peer->read();
        });
        try {
            (new Client($this->settings(new Deadlines(total: 0.1))))->ask(Request::chat('x'));
        } catch (DeadlineExceeded $held) {
            $this->peer->waitNoted('left');
        }
        self::assertTrue(isset($held));
    }

    public function testAnErrorHandlerThatThrowsForEveryWarningChangesNothing(): void
    {
        $this->peer = Peer::playAt('tcp://127.0.0.1:0', $this->folder() . '/notes', 5, static function ($peer): void {
            $peer->read();
            $peer->send(Spoken::ANSWER);
        });
        $rest = new FileRest($this->folder() . '/nowhere');
        $settings = new Settings(
            socket: $this->folder() . '/nobody.sock',
            tcp: $this->peer->address,
            command: ['/nowhere/x'],
            order: ['unix', 'stdio', 'tcp'],
            rest: $rest,
        );
        set_error_handler(static fn (int $level, string $message) => throw new \ErrorException($message));
        try {
            self::assertSame('x', (new Client($settings))->ask(Request::chat('x'))->text);
        } finally {
            restore_error_handler();
        }
    }

    public function testMoreDescriptorsThanSelectKnows(): void
    {
        for ($files = []; count($files) < 1100; $files[] = fopen('/dev/null', 'r')) {
        }
        self::assertNotContains(false, $files, 'test_phpunit.py lets a process open more.');
        $client = $this->client(static function (PeerConnection $peer): void {
            $peer->read();
            usleep(20_000);
            $peer->send(Spoken::ANSWER);
        });
        self::assertSame('x', $client->ask(Request::chat('x'))->text);
    }

    public function testSignalsInterruptNothing(): void
    {
        $begun = $this->folder() . '/begun';
        $enough = $this->folder() . '/enough';
        $client = $this->client(static function (PeerConnection $peer) use ($begun, $enough): void {
            $peer->read(1000);
            touch($begun);
            while (!file_exists($enough)) {
                usleep(1000);
                clearstatcache();
            }
            $peer->send(Spoken::ANSWER);
        });
        $count = 0;
        pcntl_async_signals(true);
        pcntl_signal(SIGUSR1, static function () use (&$count, $begun, $enough): void {
            clearstatcache();
            $count += (int) file_exists($begun);
            if ($count === 6) {
                touch($enough);
            }
        });
        $parent = posix_getpid();
        $sender = pcntl_fork();
        if ($sender === 0) {
            while (posix_kill($parent, SIGUSR1)) {
                usleep(2000);
            }
        }
        try {
            self::assertSame('x', $client->ask(Request::chat(str_repeat('x', 500_000)))->text);
        } finally {
            posix_kill($sender, SIGKILL);
            pcntl_waitpid($sender, $status);
            pcntl_signal(SIGUSR1, SIG_IGN);
        }
        self::assertGreaterThan(5, $count);
    }

    public function testACommandThatIsAFolderIsNoProgram(): void
    {
        $this->expectException(ConnectionFailed::class);
        (new Client(new Settings(socket: null, command: ['/usr/bin'])))->ask(Request::chat('x'));
    }
}
