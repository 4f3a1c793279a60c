<?php
// Verification codes by SMS: the code under test.
declare(strict_types=1);

final class Codes
{
    private const BUSY = 3;
    private int $serial = 0;

    public function __construct(
        private string $url,
        private string $authKey,
        private string $routeId,
        private string $authority,
    ) {
    }

    /** The SMS_UID of the message. A platform that is busy is asked again; anything else it refuses is an error. */
    public function send(string $number, string $code): string
    {
        for ($attempt = 1; $attempt <= 3; $attempt++) {
            $this->serial = $this->serial % 65535 + 1;
            $answer = $this->post([
                'METHOD' => 'SMS_SEND_REQUEST',
                'TYPE' => 'REQUEST',
                'SERIAL' => $this->serial,
                'TIME' => (new DateTime('now', new DateTimeZone('+08:00')))->format('Y-m-d H:i:s'),
                'AUTH_KEY' => $this->authKey,
                'ROUTE_ID' => $this->routeId,
                'VERSION' => '2021-01-01',
                'MULTI_MSISDN_LIST' => [['COUNTRY_CODE' => 852, 'DEST_MSISDN' => $number]],
                'SMS_CONTENT' => "Your code is $code",
                'CUSTOMER_BODY' => ['code' => $code],
            ]);
            if ($answer['RESULT_CODE'] === 1) {
                return $answer['DETAIL_LIST'][0]['SMS_UID'];
            }
            if ($answer['RESULT_CODE'] !== self::BUSY) {
                throw new RuntimeException("{$answer['RESULT_DESC']} ({$answer['RESULT_CODE']})");
            }
        }
        throw new RuntimeException('the platform stays busy');
    }

    private function post(array $packet): array
    {
        $curl = curl_init($this->url);
        curl_setopt_array($curl, [
            CURLOPT_POSTFIELDS => json_encode($packet, JSON_THROW_ON_ERROR),
            CURLOPT_HTTPHEADER => ['Content-Type: application/json'],
            CURLOPT_CAINFO_BLOB => $this->authority,
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_TIMEOUT => 10,
        ]);
        $answer = curl_exec($curl);
        if ($answer === false) {
            throw new RuntimeException(curl_error($curl));
        }
        return json_decode($answer, true, 512, JSON_THROW_ON_ERROR);
    }
}
