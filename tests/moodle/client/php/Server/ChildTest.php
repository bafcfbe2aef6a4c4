<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Tests\Server;

use OpenaiMoodleSidecar\Request;
use OpenaiMoodleSidecar\Settings;
use PHPUnit\Framework\TestCase;

/** A sidecar that PHP has started holds nothing of PHP's. */
final class ChildTest extends TestCase
{
    public function testWhatPhpHasOpenIsNotHeldByTheChild(): void
    {
        // As php-fpm's listening socket, and another plugin's file.
        $listener = stream_socket_server('tcp://127.0.0.1:0');
        self::assertIsResource($listener);
        $address = 'tcp://' . stream_socket_get_name($listener, false);
        $file = tmpfile();
        self::assertIsResource($file);
        flock($file, LOCK_EX);
        $path = stream_get_meta_data($file)['uri'];

        $events = Sidecar::client(Settings::STDIO)->stream(Request::chat('Hi'));
        fclose($listener);
        self::assertFalse(@stream_socket_client($address));
        $again = fopen($path, 'r');
        self::assertIsResource($again);
        fclose($file);
        self::assertTrue(flock($again, LOCK_EX | LOCK_NB));
        self::assertTrue($events->valid());
    }
}
