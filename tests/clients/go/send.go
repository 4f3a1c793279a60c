//go:build ignore

// Send one SMS with net/http.
//
// Usage: go run send.go TEXT
// Prints the platform's answer, one line of JSON.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"
)

type destination struct {
	CountryCode int    `json:"COUNTRY_CODE"`
	Number      string `json:"DEST_MSISDN"`
}

type packet struct {
	Method        string            `json:"METHOD"`
	Type          string            `json:"TYPE"`
	Serial        int               `json:"SERIAL"`
	Time          string            `json:"TIME"`
	AuthKey       string            `json:"AUTH_KEY"`
	RouteID       string            `json:"ROUTE_ID"`
	Destinations  []destination     `json:"MULTI_MSISDN_LIST"`
	Content       string            `json:"SMS_CONTENT"`
	Signature     string            `json:"SIGNATURE"`
	SignatureType int               `json:"SIGNATURE_TYPE"`
	Version       string            `json:"VERSION"`
	CustomerBody  map[string]string `json:"CUSTOMER_BODY"`
}

func main() {
	body, err := json.Marshal(packet{
		Method: "SMS_SEND_REQUEST",
		Type:   "REQUEST",
		Serial: 1,
		// The layout is Go's reference moment; 03 in place of 15 would be a 12-hour clock.
		Time:          time.Now().Format("2006-01-02 15:04:05"),
		AuthKey:       os.Getenv("CLOUDSMS_AUTH_KEY"),
		RouteID:       os.Getenv("CLOUDSMS_ROUTE_ID"),
		Destinations:  []destination{{852, "67123411"}},
		Content:       os.Args[1],
		Signature:     "CloudSMS",
		SignatureType: 3,
		Version:       "2021-01-01",
		// Comes back in the delivery report, unchanged: the customer's own name for this message.
		CustomerBody: map[string]string{"order": "go-1001"},
	})
	if err != nil {
		log.Fatal(err)
	}

	// One client for the life of the program: it keeps the connection, and so the handshake, for the next packet.
	client := &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{TLSClientConfig: twoWayTLS()},
	}
	response, err := client.Post(os.Getenv("CLOUDSMS_URL"), "application/json", bytes.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		log.Fatal(err)
	}
	var line bytes.Buffer
	if err := json.Compact(&line, answer); err != nil {
		log.Fatal(err)
	}
	fmt.Println(line.String())
}

func twoWayTLS() *tls.Config {
	certificate, err := tls.LoadX509KeyPair(os.Getenv("CLOUDSMS_CERT"), os.Getenv("CLOUDSMS_KEY"))
	if err != nil {
		log.Fatal(err)
	}
	authority, err := os.ReadFile(os.Getenv("CLOUDSMS_CA"))
	if err != nil {
		log.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(authority)
	return &tls.Config{Certificates: []tls.Certificate{certificate}, RootCAs: trusted}
}
