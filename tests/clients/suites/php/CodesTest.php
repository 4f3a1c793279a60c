<?php
// Run with `php CodesTest.php`. Every test has an account of its own on the simulator, with a clock that stands.
declare(strict_types=1);

require __DIR__ . '/Codes.php';

function admin(string $method, string $path, ?array $body = null): ?array
{
    $curl = curl_init((getenv('CLOUDSMS_SIM_ADMIN_URL') ?: 'http://127.0.0.1:61816') . "/api/v1$path");
    $headers = ['Content-Type: application/json'];
    if (getenv('CLOUDSMS_SIM_ADMIN_TOKEN')) {
        $headers[] = 'Authorization: Bearer ' . getenv('CLOUDSMS_SIM_ADMIN_TOKEN');
    }
    curl_setopt_array($curl, [
        CURLOPT_CUSTOMREQUEST => $method,
        CURLOPT_HTTPHEADER => $headers,
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_NOPROXY => '*',
    ] + ($body === null ? [] : [CURLOPT_POSTFIELDS => json_encode($body, JSON_THROW_ON_ERROR)]));
    $answer = curl_exec($curl);
    $status = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
    if ($answer === false || $status >= 300) {
        throw new RuntimeException("$method $path: $status $answer" . curl_error($curl));
    }
    return $answer === '' ? null : json_decode($answer, true, 512, JSON_THROW_ON_ERROR);
}

function same(mixed $wanted, mixed $got): void
{
    if ($wanted !== $got) {
        throw new LogicException('got ' . json_encode($got) . ', want ' . json_encode($wanted));
    }
}

$tests = [
    'a code arrives although the platform is busy at first' => function (array $account, Codes $codes, string $of): void {
        $busyOnce = [['code' => 'Busy', 'times' => 1], ['code' => 'OK']];
        admin('POST', "/rules$of", ['match' => ['to' => '852*'], 'reply' => $busyOnce]);
        $uid = $codes->send('67123411', '123456');

        [$message] = admin('POST', "/messages/wait$of", ['match' => 'to:85267123411', 'timeout' => '5s'])['items'];
        same([$uid, 'Your code is 123456'], [$message['uid'], $message['text']]);

        admin('POST', "/clock/advance$of", ['by' => '3s']);
        [$report] = admin('POST', "/reports/wait$of", ['match' => "uid:$uid", 'timeout' => '5s'])['items'];
        same('DELIVERED', $report['state_name']);
        same('999.95', admin('GET', "/accounts/{$account['name']}")['balance']['amount']);
    },
    'a phone that is off for 25 hours never gets its code' => function (array $account, Codes $codes, string $of): void {
        admin('POST', "/rules$of", ['match' => ['to' => '852*'], 'report' => [['none' => true]]]);
        $uid = $codes->send('67123411', '123456');
        [$report] = admin('POST', "/clock/advance$of", ['by' => '25h'])['fired'];
        same([$uid, 'EXPIRED'], [$report['uid'], $report['state_name']]);
    },
];

$failed = 0;
foreach ($tests as $name => $test) {
    $account = null;
    try {
        $account = admin('POST', '/accounts', ['clock' => 'frozen']);
        $url = admin('GET', '/info')['urls']['platform'];
        $codes = new Codes($url, $account['auth_key'], $account['routes'][0], admin('GET', '/certs')['ca_pem']);
        $test($account, $codes, "?account={$account['name']}");
        echo "ok - $name\n";
    } catch (Throwable $error) {
        $failed++;
        echo "not ok - $name: {$error->getMessage()}\n";
    } finally {
        if ($account !== null) {
            admin('DELETE', "/accounts/{$account['name']}");
        }
    }
}
exit($failed === 0 ? 0 : 1);
