<?php

/** What the pages of the tests have in common. @license https://www.gnu.org/licenses/gpl-3.0.html GPL-3.0-or-later */

declare(strict_types=1);

require __DIR__ . '/../client/autoload.php';

use OpenaiMoodleSidecar\Client;
use OpenaiMoodleSidecar\Settings;

/** Only by POST, only with the session's cookie and its key: as Moodle has it. */
function require_login(): void
{
    if ($_SERVER['REQUEST_METHOD'] !== 'POST' || ($_COOKIE['MoodleSession'] ?? '') === '' || empty($_POST['sesskey'])) {
        http_response_code(403);
        exit;
    }
}

function sidecar(): Client
{
    return new Client(new Settings(socket: __DIR__ . '/../sidecar.sock'));
}

/** Leaves the answer to whoever has the ticket: nginx at once, behind Apache the browser itself. */
function hand_over(string $ticket): void
{
    if (str_starts_with($_SERVER['SERVER_SOFTWARE'], 'nginx')) {
        header('X-Accel-Redirect: /_sidecar/replies/' . $ticket);
    } else {
        header('Content-Type: application/json');
        echo json_encode(['stream' => '/ai-stream/' . $ticket], JSON_THROW_ON_ERROR);
    }
}
