<?php
// This file is part of Moodle - https://moodle.org/
//
// Moodle is free software: you can redistribute it and/or modify
// it under the terms of the GNU General Public License as published by
// the Free Software Foundation, either version 3 of the License, or
// (at your option) any later version.
//
// Moodle is distributed in the hope that it will be useful,
// but WITHOUT ANY WARRANTY; without even the implied warranty of
// MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the
// GNU General Public License for more details.
//
// You should have received a copy of the GNU General Public License
// along with Moodle.  If not, see <https://www.gnu.org/licenses/>.

/**
 * What is said to people, in English.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

defined('MOODLE_INTERNAL') || die();

$string['aisidecar:managecourse'] = 'Set up the AI assistant in a course';
$string['aisidecar:use'] = 'Use the AI assistant';
$string['aisidecar:usesite'] = 'Use the AI assistant on pages outside of courses';
$string['analyze'] = 'Analyse';
$string['analyzetext'] = 'Analyse a text';
$string['analyzetext_help'] = 'Mark a passage on the page, or paste a text here. It is sent to the assistant as you see it.';
$string['answercomplete'] = 'The answer is complete.';
$string['answerended'] = 'The answer has ended.';
$string['asked_analyze'] = 'Analyse this text: {$a}';
$string['asked_summarize'] = 'Summarise this text: {$a}';
$string['assistant'] = 'AI assistant';
$string['cachedef_course'] = 'Settings of the AI assistant by course';
$string['caution'] = 'The assistant can be wrong. Check what matters.';
$string['check_delivery'] = 'AI assistant: streaming';
$string['check_delivery_ok'] = 'Answers come word by word ({$a->delivery}), as tested on {$a->time}.';
$string['check_delivery_poll'] = 'Answers come in pieces, about once a second: the test on {$a} found nothing better. The test page says what to change.';
$string['check_delivery_untested'] = 'Nobody has tested yet how answers reach a browser. Run the test: it takes a few seconds.';
$string['check_sidecar'] = 'AI assistant: sidecar';
$string['check_sidecar_disabled'] = 'The AI assistant is switched off in its settings.';
$string['check_sidecar_down'] = 'openai-moodle-sidecar is not running, or PHP cannot reach it. Students are told that the assistant is not available.';
$string['check_sidecar_notready'] = 'openai-moodle-sidecar is running, but it cannot ask a model at present. Its log says why; "openai-moodle-sidecar doctor" looks for the cause.';
$string['check_sidecar_ok'] = 'openai-moodle-sidecar {$a} is running and ready.';
$string['check_sidecar_settings'] = 'The settings of the AI assistant make no sense.';
$string['check_sidecar_start'] = '<p>To start it: <code>systemctl start openai-moodle-sidecar</code>, or in a container <code>openai-moodle-sidecar serve</code>. To find out what is wrong: <code>openai-moodle-sidecar doctor</code>. "Permission denied" means that the user that PHP runs as is not in the group of the socket (SIDECAR_SOCKET_GROUP), "forbidden" that it is not among those whom the sidecar serves (SIDECAR_ALLOWED_UIDS).</p>';
$string['check_sidecar_status'] = 'version {$a->version}, provider {$a->provider}, models {$a->models}, ready: {$a->ready}, hand-over to the web server: {$a->tickets}';
$string['check_sidecar_stdio'] = 'No sidecar is running: PHP starts one for each question. Answers come in one piece, and each holds a worker of PHP.';
$string['check_sidecar_way'] = '{$a->way}: {$a->what}';
$string['closeassistant'] = 'Close AI assistant';
$string['connectionlost'] = 'The connection was lost. The answer may be complete by now: look again.';
$string['conversation'] = 'Conversation with the assistant';
$string['conversation_gone'] = 'This conversation does not exist any more.';
$string['copyanswer'] = 'Copy answer';
$string['coursesettings'] = 'AI assistant';
$string['coursesettings_enabled'] = 'Offer the AI assistant in this course';
$string['coursesettings_enabled_help'] = 'If this is off, nobody can ask the assistant on the pages of this course. In a single activity you can forbid it with the permission "Use the AI assistant".';
$string['coursesettings_persona'] = 'How the assistant shall behave';
$string['coursesettings_persona_help'] = 'For example: "You are a patient tutor for a first course in statistics. Do not give solutions, ask questions that lead to them. Answer in simple English." The assistant obeys what you write here, and so it is told to everybody in the course. Students may find out what it says.';
$string['coursesettings_persona_toolong'] = 'At most {$a} characters.';
$string['coursesettings_saved'] = 'The settings of the AI assistant are saved.';
$string['delivery_chosen_handover'] = 'Answers come word by word, straight from the sidecar through nginx. No worker of PHP is held.';
$string['delivery_chosen_poll'] = 'Answers come in pieces, about once a second. That works everywhere; word by word would be nicer.';
$string['delivery_chosen_proxy'] = 'Answers come word by word, straight from the sidecar through the web server. No worker of PHP is held.';
$string['delivery_chosen_relay'] = 'Answers come word by word through PHP. Each holds a worker of PHP while it is written, up to the number in the settings; further ones come in pieces.';
$string['delivery_handover'] = 'hand-over to nginx';
$string['delivery_poll'] = 'in pieces';
$string['delivery_proxy'] = 'Apache\'s path to the sidecar';
$string['delivery_relay'] = 'relay by PHP';
$string['delivery_test'] = 'Test of streaming';
$string['error_activitydisabled'] = 'The AI assistant is switched off in this activity.';
$string['error_bad_frame'] = 'Something went wrong between this site and the AI assistant. Try again; if it happens again, please tell the site administrator.';
$string['error_bad_message'] = 'Something went wrong between this site and the AI assistant. Try again; if it happens again, please tell the site administrator.';
$string['error_busy'] = 'The assistant is still answering your last question. Wait until it is done, or stop it.';
$string['error_cancelled'] = 'This answer was stopped before it was complete. You can ask again.';
$string['error_connection_failed'] = 'The AI assistant is not available at the moment. Your question was not sent. Please try again later; if it stays like this, tell the site administrator.';
$string['error_connection_lost'] = 'The connection to the AI assistant was lost. You can ask again.';
$string['error_context_too_long'] = 'This is too long for the AI assistant. Start a new conversation, or ask about a shorter text.';
$string['error_coursedisabled'] = 'The AI assistant is switched off in this course.';
$string['error_deadline_exceeded'] = 'The AI assistant did not answer in time. You can ask again {$a}.';
$string['error_disabled'] = 'The AI assistant is switched off here.';
$string['error_draining'] = 'The AI assistant is being restarted. Try again {$a}.';
$string['error_duplicate_id'] = 'Something went wrong between this site and the AI assistant. Try again; if it happens again, please tell the site administrator.';
$string['error_empty'] = 'Write a question first.';
$string['error_ended'] = 'This answer has ended already.';
$string['error_filtered'] = 'The answer was cut off by a content filter. Try to ask in another way.';
$string['error_forbidden'] = 'The AI assistant is not set up correctly. Please tell the site administrator.';
$string['error_guest'] = 'Log in to use the AI assistant.';
$string['error_internal'] = 'Something went wrong in the AI assistant. Try again; if it happens again, please tell the site administrator.';
$string['error_interrupted'] = 'This answer was interrupted: nobody was reading it any more. You can ask again.';
$string['error_invalid_parameter'] = 'The AI assistant could not take this question. Change it and try again.';
$string['error_length'] = 'The answer has reached the greatest length and was cut off. Ask for the rest, or for a shorter answer.';
$string['error_lost'] = 'This answer was interrupted and is lost. You can ask again.';
$string['error_method'] = 'This address takes POST only.';
$string['error_noconversation'] = 'This conversation does not exist any more.';
$string['error_nomessage'] = 'This message does not exist any more.';
$string['error_nopermission'] = 'You may not use the AI assistant here.';
$string['error_not_configured'] = 'The AI assistant is not set up yet. Please tell the site administrator.';
$string['error_not_found'] = 'This answer was interrupted and is lost. You can ask again.';
$string['error_notlast'] = 'Only the latest answer of a conversation can be written anew.';
$string['error_overloaded'] = 'Very many people are asking the AI assistant right now. Try again {$a}.';
$string['error_poll'] = 'This site delivers answers in pieces.';
$string['error_protocol_violation'] = 'Something went wrong between this site and the AI assistant. Try again; if it happens again, please tell the site administrator.';
$string['error_rate_limited'] = 'You have used up what you may ask for now. You can ask again {$a}.';
$string['error_refused'] = 'The AI model declined to answer this. Try to ask in another way.';
$string['error_relay_busy'] = 'Many answers are being written right now. This one comes in pieces.';
$string['error_settings'] = 'The AI assistant is not set up correctly. Please tell the site administrator.';
$string['error_stopped'] = 'You stopped this answer.';
$string['error_timeout_connect'] = 'The AI service could not be reached in time. Try again {$a}.';
$string['error_timeout_first_token'] = 'The AI service did not begin to answer in time. Try again {$a}.';
$string['error_timeout_idle'] = 'The AI service fell silent in the middle of the answer. You can ask again.';
$string['error_timeout_total'] = 'The answer took too long and was cut off. You can ask again, or ask for something shorter.';
$string['error_too_large'] = 'This is more than the AI assistant can take. Start a new conversation, or use a shorter text.';
$string['error_too_long'] = 'Your text is too long. Shorten it and try again.';
$string['error_truncated'] = 'The answer broke off before it was complete. You can ask again.';
$string['error_unauthorized'] = 'The AI assistant is not set up correctly. Please tell the site administrator.';
$string['error_unknown_action'] = 'The AI assistant of this site is too old for this. Please tell the site administrator.';
$string['error_unsupported'] = 'The AI assistant of this site cannot do this.';
$string['error_upstream_auth'] = 'The AI service does not accept this site at the moment. Please tell the site administrator.';
$string['error_upstream_bad_request'] = 'The AI service could not take this question. Change it and try again; if it happens again, please tell the site administrator.';
$string['error_upstream_connect'] = 'The AI service cannot be reached at the moment. Try again {$a}.';
$string['error_upstream_dns'] = 'The AI service cannot be reached at the moment. Try again {$a}.';
$string['error_upstream_error'] = 'The AI service has a problem at the moment. Try again {$a}.';
$string['error_upstream_protocol'] = 'The answer of the AI service could not be understood. Try again {$a}.';
$string['error_upstream_rate_limited'] = 'The AI service is busy: too many questions at once. Try again {$a}.';
$string['error_upstream_tls'] = 'The AI service cannot be reached securely at the moment. Please tell the site administrator.';
$string['event_answer_failed'] = 'AI answer failed';
$string['event_answer_received'] = 'AI answer received';
$string['event_conversation_deleted'] = 'AI conversation deleted';
$string['event_course_settings_updated'] = 'AI assistant settings of the course updated';
$string['event_question_asked'] = 'AI question asked';
$string['event_request_refused'] = 'AI question refused';
$string['greeting'] = 'How can I help you?';
$string['greetinghelp'] = 'Ask about what you are learning, or have this page summarised.';
$string['history'] = 'My AI conversations';
$string['latest'] = 'Latest';
$string['materialcut'] = 'The text is too long to be sent whole. These are its first {$a} characters.';
$string['materiallength'] = '{$a} characters will be sent.';
$string['messageplaceholder'] = 'Ask something';
$string['messages'] = 'Messages';
$string['newanswer'] = 'There is a new answer.';
$string['newconversation'] = 'New conversation';
$string['notsent'] = 'It is not certain that this message was sent.';
$string['openassistant'] = 'Open AI assistant';
$string['pluginname'] = 'AI assistant (sidecar)';
$string['policynotaccepted'] = 'Accept the policy on the use of AI first.';
$string['privacy:metadata:conversation'] = 'Conversations of users with the AI assistant';
$string['privacy:metadata:conversation:timecreated'] = 'When the conversation began';
$string['privacy:metadata:conversation:timemodified'] = 'When something was last asked in it';
$string['privacy:metadata:conversation:title'] = 'The first words of the first question';
$string['privacy:metadata:conversation:userid'] = 'Whose conversation it is';
$string['privacy:metadata:course'] = 'What teachers have set for the AI assistant in a course';
$string['privacy:metadata:course:persona'] = 'How the assistant shall behave';
$string['privacy:metadata:course:timemodified'] = 'When it was set';
$string['privacy:metadata:course:usermodified'] = 'Who set it';
$string['privacy:metadata:message'] = 'Questions to the AI assistant, and its answers';
$string['privacy:metadata:message:action'] = 'What was asked for: a chat, a summary or an analysis';
$string['privacy:metadata:message:completiontokens'] = 'How much the model wrote';
$string['privacy:metadata:message:content'] = 'What was asked or answered';
$string['privacy:metadata:message:contextid'] = 'On which page it was asked';
$string['privacy:metadata:message:prompttokens'] = 'How much the model was sent';
$string['privacy:metadata:message:role'] = 'Whether the user or the assistant wrote it';
$string['privacy:metadata:message:status'] = 'Whether the answer came whole';
$string['privacy:metadata:message:timecreated'] = 'When it was asked';
$string['privacy:metadata:message:timefinished'] = 'When the answer ended';
$string['privacy:metadata:message:userid'] = 'Whose conversation it is';
$string['privacy:metadata:sidecar'] = 'openai-moodle-sidecar, a program on this site\'s own server, sends questions to the AI service that the administrator has chosen. It keeps an answer in memory for some minutes, and no text.';
$string['privacy:metadata:sidecar:content'] = 'What the user asks, or the text that is to be summarised or analysed';
$string['privacy:metadata:sidecar:course_id'] = 'The number of the course. The sidecar counts by it; the AI service is not told';
$string['privacy:metadata:sidecar:history'] = 'What was said before in the same conversation';
$string['privacy:metadata:sidecar:instructions'] = 'How the assistant shall behave, as a teacher or the site has written it';
$string['privacy:metadata:sidecar:user_id'] = 'A pseudonym made of the user\'s number, which means nothing outside of this site. The sidecar counts by it; the AI service is not told';
$string['progress_parts'] = '{$a->stage}: part {$a->done} of {$a->total}';
$string['progress_queued'] = 'Waiting for a free place: you are number {$a}';
$string['reconnecting'] = 'There is no connection. Trying again…';
$string['regenerate'] = 'Answer again';
$string['role_assistant'] = 'Assistant';
$string['role_user'] = 'You';
$string['send'] = 'Send';
$string['settings'] = 'Settings of the AI assistant';
$string['settings_access'] = 'Who may use it, and where';
$string['settings_coursedefault'] = 'On in new courses';
$string['settings_coursedefault_desc'] = 'Whether the assistant is offered in a course in which no teacher has decided.';
$string['settings_delivery'] = 'How answers reach the browser';
$string['settings_delivery_desc'] = 'Better than to choose: <a href="{$a}">run the test</a>, which measures what works here and sets this.';
$string['settings_enabled'] = 'Offer the AI assistant';
$string['settings_enabled_desc'] = 'If this is off, nobody sees it.';
$string['settings_excludedmodules'] = 'Not in these activities';
$string['settings_excludedmodules_desc'] = 'In activities of these kinds the assistant is not offered. Quizzes are excluded from the start.';
$string['settings_handoverprefix'] = 'nginx: internal location';
$string['settings_handoverprefix_desc'] = 'The location that leads to the sidecar\'s socket for web servers. README has the snippet for nginx.';
$string['settings_limits'] = 'Limits';
$string['settings_maxlength'] = 'Longest question';
$string['settings_maxlength_desc'] = 'In characters.';
$string['settings_maxtextlength'] = 'Longest text to summarise or analyse';
$string['settings_maxtextlength_desc'] = 'In characters. The sidecar reads long texts in parts; it takes up to 5 million bytes.';
$string['settings_persona'] = 'How the assistant shall behave';
$string['settings_persona_desc'] = 'Holds wherever a course has nothing of its own. At most 4000 characters.';
$string['settings_proxyprefix'] = 'Apache: path to the sidecar';
$string['settings_proxyprefix_desc'] = 'The path of this host that leads to the sidecar\'s socket for web servers. README has the snippet for Apache.';
$string['settings_relayslots'] = 'Workers of PHP for the relay';
$string['settings_relayslots_desc'] = 'So many answers at once may be passed on by PHP; further ones come in pieces. A quarter of what PHP-FPM has (pm.max_children) is a good value. Does not matter for the other ways.';
$string['settings_retentiondays'] = 'Keep conversations for';
$string['settings_retentiondays_desc'] = 'In days since the last question; 0: for ever.';
$string['settings_sidecar'] = 'The sidecar';
$string['settings_sidecar_desc'] = 'openai-moodle-sidecar is a program on this server that talks to the AI service, and has the key for it. <a href="{$a}">The report on the site\'s status</a> says whether it is running.';
$string['settings_sitepages'] = 'Outside of courses, too';
$string['settings_sitepages_desc'] = 'Whether the assistant is offered on the dashboard and other pages that belong to no course.';
$string['settings_socket'] = 'Unix socket';
$string['settings_socket_desc'] = 'The absolute path of SIDECAR_SOCKET. Empty: do not use it.';
$string['settings_tcp'] = 'TCP address';
$string['settings_tcp_desc'] = 'Of this machine, such as 127.0.0.1:8081; only where the Unix socket cannot be used. Empty: do not use it.';
$string['settings_tokenfile'] = 'Token file for TCP';
$string['settings_tokenfile_desc'] = 'The absolute path of SIDECAR_TOKEN_FILE, which the user that PHP runs as may read.';
$string['showwhole'] = 'Show the whole text';
$string['stage_analyzing'] = 'Analysing';
$string['stage_background'] = 'Reading the background';
$string['stage_context'] = 'Reading the background';
$string['stage_conversation'] = 'Going through the conversation';
$string['stage_joining'] = 'Putting the parts together';
$string['stage_reading'] = 'Reading the text';
$string['stage_summarizing'] = 'Summarising';
$string['stillthinking'] = 'Still thinking…';
$string['stop'] = 'Stop answering';
$string['summarize'] = 'Summarise';
$string['summarizepage'] = 'Summarise this page';
$string['summarizepage_help'] = 'This text of the page is sent to the assistant. You can shorten it.';
$string['summarizetext'] = 'Summarise this text';
$string['task_collect_answers'] = 'Collect answers of the AI assistant that no page is waiting for';
$string['task_delete_old_conversations'] = 'Delete old conversations with the AI assistant';
$string['thinking'] = 'Thinking…';
$string['tryagain'] = 'Try again';
$string['tryagainin'] = 'Try again in {$a} s';
$string['unreachable'] = 'The site cannot be reached. Check your connection and try again.';
$string['when_later'] = 'in a few minutes';
$string['when_minutes'] = 'in {$a} minutes';
$string['when_moments'] = 'in a few seconds';
$string['when_seconds'] = 'in {$a} seconds';
$string['when_time'] = 'at {$a}';
$string['yourmessage'] = 'Your message';
$string['yousaid'] = 'You said';
