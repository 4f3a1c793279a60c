// Run with `go test`. Every test has an account of its own on the simulator, with a clock that stands.
package codes

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

type account struct {
	test    *testing.T
	Name    string   `json:"name"`
	AuthKey string   `json:"auth_key"`
	Routes  []string `json:"routes"`
	Balance struct {
		Amount string `json:"amount"`
	} `json:"balance"`
}

type item struct {
	UID   string `json:"uid"`
	Text  string `json:"text"`
	State string `json:"state_name"`
}

func admin(test *testing.T, method, path, body string, into any) {
	test.Helper()
	base := os.Getenv("CLOUDSMS_SIM_ADMIN_URL")
	if base == "" {
		base = "http://127.0.0.1:61816"
	}
	request, err := http.NewRequest(method, base+"/api/v1"+path, bytes.NewBufferString(body))
	if err != nil {
		test.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if token := os.Getenv("CLOUDSMS_SIM_ADMIN_TOKEN"); token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		test.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode >= 300 {
		test.Fatalf("%s %s: %s %s %v", method, path, response.Status, answer, err)
	}
	if into != nil {
		if err := json.Unmarshal(answer, into); err != nil {
			test.Fatal(err)
		}
	}
}

func open(test *testing.T) (*account, *Client) {
	test.Helper()
	var info struct {
		URLs struct{ Platform string } `json:"urls"`
	}
	var certs struct {
		CA string `json:"ca_pem"`
	}
	opened := &account{test: test}
	admin(test, "GET", "/info", "", &info)
	admin(test, "GET", "/certs", "", &certs)
	admin(test, "POST", "/accounts", `{"clock": "frozen"}`, opened)
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM([]byte(certs.CA))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}
	test.Cleanup(func() {
		transport.CloseIdleConnections()
		admin(test, "DELETE", "/accounts/"+opened.Name, "", nil)
	})
	return opened, &Client{
		URL:     info.URLs.Platform,
		AuthKey: opened.AuthKey,
		RouteID: opened.Routes[0],
		HTTP:    &http.Client{Timeout: 10 * time.Second, Transport: transport},
	}
}

// post calls a resource of the account; one item has to come back in the list of that name.
func (opened *account) post(path, body, list string) (one item) {
	opened.test.Helper()
	var lists map[string]json.RawMessage
	admin(opened.test, "POST", path+"?account="+opened.Name, body, &lists)
	if list == "" {
		return one
	}
	var items []item
	if err := json.Unmarshal(lists[list], &items); err != nil || len(items) != 1 {
		opened.test.Fatalf("%s: got %s, want one item", path, lists[list])
	}
	return items[0]
}

func TestACodeArrivesAlthoughThePlatformIsBusyAtFirst(test *testing.T) {
	opened, client := open(test)
	opened.post("/rules", `{"match": {"to": "852*"}, "reply": [{"code": "Busy", "times": 1}, {"code": "OK"}]}`, "")
	uid, err := client.Send("67123411", "123456")
	if err != nil {
		test.Fatal(err)
	}
	message := opened.post("/messages/wait", `{"match": "to:85267123411", "timeout": "5s"}`, "items")
	if message.UID != uid || !strings.HasSuffix(message.Text, " 123456") {
		test.Errorf("got %+v, want %s with the code 123456", message, uid)
	}
	opened.post("/clock/advance", `{"by": "3s"}`, "fired")
	report := opened.post("/reports/wait", `{"match": "uid:`+uid+`", "timeout": "5s"}`, "items")
	if report.State != "DELIVERED" {
		test.Errorf("got %s, want DELIVERED", report.State)
	}
	admin(test, "GET", "/accounts/"+opened.Name, "", opened)
	if opened.Balance.Amount != "999.95" {
		test.Errorf("got a balance of %s, want 999.95", opened.Balance.Amount)
	}
}

func TestAPhoneThatIsOffFor25HoursNeverGetsItsCode(test *testing.T) {
	opened, client := open(test)
	opened.post("/rules", `{"match": {"to": "852*"}, "report": [{"none": true}]}`, "")
	uid, err := client.Send("67123411", "123456")
	if err != nil {
		test.Fatal(err)
	}
	if report := opened.post("/clock/advance", `{"by": "25h"}`, "fired"); report.UID != uid || report.State != "EXPIRED" {
		test.Errorf("got %+v, want EXPIRED of %s", report, uid)
	}
}

func TestARefusalIsAnError(test *testing.T) {
	opened, client := open(test)
	opened.post("/rules", `{"match": {"to": "852*"}, "reply": "Intercept"}`, "")
	if uid, err := client.Send("67123411", "123456"); err == nil || err.Error() != "Intercept (268435462)" {
		test.Errorf("got %q and %v, want Intercept (268435462)", uid, err)
	}
}
