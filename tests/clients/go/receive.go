//go:build ignore

// Receive delivery reports over mutual TLS with net/http.
//
// Usage: go run receive.go
// Prints the port it listens on, then every report, one line of JSON each, until it is stopped.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"
)

type answer struct {
	Method     string `json:"METHOD"`
	Type       string `json:"TYPE"`
	Serial     int    `json:"SERIAL"`
	Time       string `json:"TIME"`
	ResultCode int    `json:"RESULT_CODE"`
	ResultDesc string `json:"RESULT_DESC"`
}

func receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var report struct {
		Serial int `json:"SERIAL"`
	}
	var line bytes.Buffer
	if json.Unmarshal(body, &report) != nil || json.Compact(&line, body) != nil {
		http.Error(w, "not JSON", http.StatusBadRequest)
		return
	}
	fmt.Println(line.String())
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(answer{
		Method:     "SMS_PUSH_REPORT",
		Type:       "ANSWER",
		Serial:     report.Serial,
		Time:       time.Now().Format("2006-01-02 15:04:05"),
		ResultCode: 1,
		ResultDesc: "OK",
	})
}

func main() {
	authority, err := os.ReadFile(os.Getenv("CLOUDSMS_CA"))
	if err != nil {
		log.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(authority)
	server := &http.Server{
		Handler: http.HandlerFunc(receive),
		// Two-way: only a caller with a certificate of this authority can push a report.
		TLSConfig: &tls.Config{ClientCAs: trusted, ClientAuth: tls.RequireAndVerifyClientCert},
	}

	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("CLOUDSMS_DR_PORT"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("{\"port\": %d}\n", listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(server.ServeTLS(listener, os.Getenv("CLOUDSMS_CERT"), os.Getenv("CLOUDSMS_KEY")))
}
