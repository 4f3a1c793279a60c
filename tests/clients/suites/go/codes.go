// Package codes sends verification codes by SMS: the code under test.
package codes

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

const busy = 3

var hongKong = time.FixedZone("UTC+8", 8*3600)

// Client sends codes over the connection its HTTP client keeps.
type Client struct {
	URL, AuthKey, RouteID string
	HTTP                  *http.Client

	serial int
}

type destination struct {
	CountryCode int    `json:"COUNTRY_CODE"`
	Number      string `json:"DEST_MSISDN"`
}

type packet struct {
	Method       string            `json:"METHOD"`
	Type         string            `json:"TYPE"`
	Serial       int               `json:"SERIAL"`
	Time         string            `json:"TIME"`
	AuthKey      string            `json:"AUTH_KEY"`
	RouteID      string            `json:"ROUTE_ID"`
	Version      string            `json:"VERSION"`
	Destinations []destination     `json:"MULTI_MSISDN_LIST"`
	Content      string            `json:"SMS_CONTENT"`
	CustomerBody map[string]string `json:"CUSTOMER_BODY"`
}

type answer struct {
	Code  int    `json:"RESULT_CODE"`
	Desc  string `json:"RESULT_DESC"`
	Items []struct {
		UID string `json:"SMS_UID"`
	} `json:"DETAIL_LIST"`
}

// Send returns the SMS_UID of the message. A platform that is busy is asked again; anything else it refuses is an error.
func (client *Client) Send(number, code string) (string, error) {
	for attempt := 0; attempt < 3; attempt++ {
		said, err := client.post(number, code)
		switch {
		case err != nil:
			return "", err
		case said.Code == 1 && len(said.Items) == 1:
			return said.Items[0].UID, nil
		case said.Code != busy:
			return "", fmt.Errorf("%s (%d)", said.Desc, said.Code)
		}
	}
	return "", errors.New("the platform stays busy")
}

func (client *Client) post(number, code string) (said answer, err error) {
	client.serial = client.serial%65535 + 1
	body, err := json.Marshal(packet{
		Method:       "SMS_SEND_REQUEST",
		Type:         "REQUEST",
		Serial:       client.serial,
		Time:         time.Now().In(hongKong).Format("2006-01-02 15:04:05"),
		AuthKey:      client.AuthKey,
		RouteID:      client.RouteID,
		Version:      "2021-01-01",
		Destinations: []destination{{852, number}},
		Content:      "Your code is " + code,
		CustomerBody: map[string]string{"code": code},
	})
	if err != nil {
		return said, err
	}
	response, err := client.HTTP.Post(client.URL, "application/json", bytes.NewReader(body))
	if err != nil {
		return said, err
	}
	defer response.Body.Close()
	return said, json.NewDecoder(response.Body).Decode(&said)
}
