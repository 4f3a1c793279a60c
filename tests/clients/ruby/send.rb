# Send one SMS with net/http.
#
# Usage: ruby send.rb TEXT
# Prints the platform's answer, one line of JSON.

require "json"
require "net/http"
require "openssl"

packet = {
  METHOD: "SMS_SEND_REQUEST",
  TYPE: "REQUEST",
  SERIAL: 1,
  TIME: Time.now.strftime("%Y-%m-%d %H:%M:%S"),
  AUTH_KEY: ENV.fetch("CLOUDSMS_AUTH_KEY"),
  ROUTE_ID: ENV.fetch("CLOUDSMS_ROUTE_ID"),
  MULTI_MSISDN_LIST: [{ DEST_MSISDN: "67123411", COUNTRY_CODE: 852 }],
  SMS_CONTENT: ARGV.fetch(0),
  SIGNATURE: "CloudSMS",
  SIGNATURE_TYPE: 3,
  VERSION: "2021-01-01",
  # Comes back in the delivery report, unchanged: the customer's own name for this message.
  CUSTOMER_BODY: { order: "ruby-1001" }
}

url = URI(ENV.fetch("CLOUDSMS_URL"))
http = Net::HTTP.new(url.host, url.port)
http.use_ssl = true
# VERIFY_NONE would send the AUTH_KEY to whoever answers at that address.
http.verify_mode = OpenSSL::SSL::VERIFY_PEER
http.ca_file = ENV.fetch("CLOUDSMS_CA")
http.cert = OpenSSL::X509::Certificate.new(File.read(ENV.fetch("CLOUDSMS_CERT")))
http.key = OpenSSL::PKey.read(File.read(ENV.fetch("CLOUDSMS_KEY")))
http.open_timeout = http.read_timeout = 10

response = http.post(url.path, JSON.generate(packet), "Content-Type" => "application/json")
puts JSON.generate(JSON.parse(response.body))
