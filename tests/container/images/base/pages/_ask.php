<?php

declare(strict_types=1);

use OpenaiMoodleSidecar\Client;
use OpenaiMoodleSidecar\Settings;

/** As a plugin of Moodle is set up in this container; `via` has the transports. */
function client(): Client
{
    require_once '/var/www/client/autoload.php';
    return new Client(new Settings(
        command: ['/opt/openai-moodle-sidecar/bin/openai-moodle-sidecar', 'stdio'],
        environment: ['SIDECAR_ENV_FILE' => '/run/openai-moodle-sidecar/php.env'],
        order: explode(',', $_GET['via'] ?? 'unix,stdio'),
    ));
}
