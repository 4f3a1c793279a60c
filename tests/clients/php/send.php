<?php
// Send one SMS with curl.
//
// Usage: php send.php TEXT
// Prints the platform's answer, one line of JSON.

declare(strict_types=1);

// json_encode writes "/" as "\/" and Chinese as "\u4f60": another spelling of the same text, in JSON.
$packet = json_encode([
    'METHOD' => 'SMS_SEND_REQUEST',
    'TYPE' => 'REQUEST',
    'SERIAL' => 1,
    'TIME' => date('Y-m-d H:i:s'),
    'AUTH_KEY' => getenv('CLOUDSMS_AUTH_KEY'),
    'ROUTE_ID' => getenv('CLOUDSMS_ROUTE_ID'),
    'MULTI_MSISDN_LIST' => [['DEST_MSISDN' => '67123411', 'COUNTRY_CODE' => 852]],
    'SMS_CONTENT' => $argv[1],
    'SIGNATURE' => 'CloudSMS',
    'SIGNATURE_TYPE' => 3,
    'VERSION' => '2021-01-01',
    // Comes back in the delivery report, unchanged: the customer's own name for this message.
    'CUSTOMER_BODY' => ['order' => 'php/1001'],
], JSON_THROW_ON_ERROR);

$curl = curl_init(getenv('CLOUDSMS_URL'));
curl_setopt_array($curl, [
    CURLOPT_POSTFIELDS => $packet,
    CURLOPT_HTTPHEADER => ['Content-Type: application/json'],
    CURLOPT_CAINFO => getenv('CLOUDSMS_CA'),
    CURLOPT_SSLCERT => getenv('CLOUDSMS_CERT'),
    CURLOPT_SSLKEY => getenv('CLOUDSMS_KEY'),
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_TIMEOUT => 10,
]);
$answer = curl_exec($curl);
if ($answer === false) {
    fwrite(STDERR, curl_error($curl) . "\n");
    exit(1);
}
echo json_encode(json_decode($answer, true, 512, JSON_THROW_ON_ERROR)), "\n";
