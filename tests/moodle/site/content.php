<?php

// What the tests find on the site: users, courses, and pages with something to read. Run once, from the command line.

declare(strict_types=1);

define('CLI_SCRIPT', true);
require($argv[1] . '/config.php');
require_once($CFG->libdir . '/testing/generator/lib.php');

\core\session\manager::set_user(get_admin());

// Moodle's own tours cover half of a page, and ask at each new one.
$DB->set_field('tool_usertours_tours', 'enabled', 0);
set_config('passwordpolicy', 0);
set_config('enablemobilewebservice', 0);
set_config('defaulthomepage', HOMEPAGE_MY);

$generator = new testing_data_generator();
$physics = $generator->create_course(['fullname' => 'Physics', 'shortname' => 'physics', 'numsections' => 2]);
$history = $generator->create_course(['fullname' => 'History', 'shortname' => 'history', 'numsections' => 1]);

$pendulum = '<h3>The pendulum</h3>';
$sentences = [
    'A pendulum is a weight suspended from a pivot so that it can swing freely.',
    'When it is displaced sideways, gravity restores it towards its equilibrium.',
    'The time for one complete cycle is called the period, and it depends on the length of the pendulum.',
    'Christiaan Huygens built the first pendulum clock in 1656, and it was the best timekeeper until the 1930s.',
    'For small swings the period is independent of the amplitude, a property that is called isochronism.',
];
for ($paragraph = 0; $paragraph < 6; $paragraph++) {
    $pendulum .= '<p>' . implode(' ', $sentences) . '</p>';
}
$generator->create_module('page', [
    'course' => $physics->id, 'name' => 'The pendulum', 'content' => $pendulum, 'contentformat' => FORMAT_HTML,
    'idnumber' => 'pendulum',
]);
$generator->create_module('forum', ['course' => $physics->id, 'name' => 'Questions', 'idnumber' => 'questions']);
$generator->create_module('assign', ['course' => $physics->id, 'name' => 'First report', 'idnumber' => 'report']);
$generator->create_module('page', [
    'course' => $history->id, 'name' => 'Sources', 'content' => '<p>What is a source?</p>',
    'contentformat' => FORMAT_HTML, 'idnumber' => 'sources',
]);

$people = ['teacher' => 'editingteacher', 'student' => 'student', 'other' => 'student', 'newcomer' => 'student'];
for ($number = 1; $number <= 31; $number++) {
    $people[sprintf('student%02d', $number)] = 'student';
}
foreach ($people as $username => $role) {
    $user = $generator->create_user([
        'username' => $username, 'password' => 'moodle', 'firstname' => ucfirst($username), 'lastname' => 'Example',
        'email' => "{$username}@example.org",
    ]);
    $generator->enrol_user($user->id, $physics->id, $role);
    $generator->enrol_user($user->id, $history->id, $role);
    // The newcomer has not read it yet.
    if ($username !== 'newcomer') {
        $DB->insert_record('ai_policy_register', (object) [
            'userid' => $user->id, 'contextid' => context_system::instance()->id, 'timeaccepted' => time(),
        ]);
    }
}

$links = [];
foreach (['pendulum', 'questions', 'report', 'sources'] as $idnumber) {
    $module = $DB->get_record('course_modules', ['idnumber' => $idnumber], '*', MUST_EXIST);
    $links[$idnumber] = (int) $module->id;
}
$courses = ['physics' => (int) $physics->id, 'history' => (int) $history->id];
echo json_encode(['courses' => $courses, 'modules' => $links]);
