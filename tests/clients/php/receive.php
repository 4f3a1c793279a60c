<?php
// Receive delivery reports with PHP's built-in web server, over plain HTTP: it has no TLS. On a public host a web
// server in front of it adds that, and asks for the platform's certificate.
//
// Usage: php -S 127.0.0.1:59999 receive.php
// Prints every report, one line of JSON each, until it is stopped.

declare(strict_types=1);

// Objects, not arrays: an empty CUSTOMER_BODY must stay {} and not become [].
$report = json_decode(file_get_contents('php://input'), false, 512, JSON_THROW_ON_ERROR);
file_put_contents('php://stdout', json_encode($report) . "\n");

header('Content-Type: application/json');
echo json_encode([
    'METHOD' => 'SMS_PUSH_REPORT',
    'TYPE' => 'ANSWER',
    'SERIAL' => $report->SERIAL,
    'TIME' => date('Y-m-d H:i:s'),
    'RESULT_CODE' => 1,
    'RESULT_DESC' => 'OK',
]);
