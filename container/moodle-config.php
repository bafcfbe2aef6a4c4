<?php

// Moodle's config.php in the containers of compose.yaml.

declare(strict_types=1);

unset($CFG);
global $CFG;
$CFG = new stdClass();

$CFG->dbtype = 'mariadb';
$CFG->dblibrary = 'native';
$CFG->dbhost = 'database';
$CFG->dbname = 'moodle';
$CFG->dbuser = 'moodle';
$CFG->dbpass = trim(file_get_contents(getenv('MOODLE_DATABASE_PASSWORD_FILE')));
$CFG->prefix = 'mdl_';
$CFG->dboptions = ['dbpersist' => false, 'dbcollation' => 'utf8mb4_unicode_ci'];

$CFG->wwwroot = getenv('MOODLE_URL');
$CFG->dataroot = '/var/www/moodledata';
$CFG->directorypermissions = 02770;
$CFG->admin = 'admin';

// Where the sidecar beside Apache is away, PHP starts one of its own, with the settings in this file. It is there in
// the simple installation only.
$settings = '/run/openai-moodle-sidecar/php.env';
if (is_readable($settings)) {
    $CFG->forced_plugin_settings['local_aisidecar'] = [
        'command' => ['/usr/local/bin/openai-moodle-sidecar', 'stdio'],
        'environment' => ['SIDECAR_ENV_FILE' => $settings],
    ];
}

require_once(__DIR__ . '/lib/setup.php');
