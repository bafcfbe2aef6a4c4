<?php

// Takes back that a user has accepted the AI policy. Moodle has no page for that. Run from the command line.

declare(strict_types=1);

define('CLI_SCRIPT', true);
require($argv[1] . '/config.php');

$userid = (int) $DB->get_field('user', 'id', ['username' => $argv[2]], MUST_EXIST);
$DB->delete_records('ai_policy_register', ['userid' => $userid]);
\cache::make('core', 'ai_policy')->delete($userid);
