# Receive delivery reports over mutual TLS with nothing but the standard library (which has no web server any more).
#
# Usage: ruby receive.rb
# Prints the port it listens on, then every report, one line of JSON each, until it is stopped.

require "json"
require "openssl"
require "socket"

$stdout.sync = true

context = OpenSSL::SSL::SSLContext.new
context.cert = OpenSSL::X509::Certificate.new(File.read(ENV.fetch("CLOUDSMS_CERT")))
context.key = OpenSSL::PKey.read(File.read(ENV.fetch("CLOUDSMS_KEY")))
# Two-way: only a caller with a certificate of this authority can push a report.
context.ca_file = ENV.fetch("CLOUDSMS_CA")
context.verify_mode = OpenSSL::SSL::VERIFY_PEER | OpenSSL::SSL::VERIFY_FAIL_IF_NO_PEER_CERT

def read_report(connection)
  length = 0
  until (line = connection.gets.to_s.chomp).empty?
    name, value = line.split(": ", 2)
    length = value.to_i if name.casecmp?("Content-Length")
  end
  JSON.parse(connection.read(length))
end

def answer_to(report)
  JSON.generate(
    METHOD: "SMS_PUSH_REPORT",
    TYPE: "ANSWER",
    SERIAL: report["SERIAL"],
    TIME: Time.now.strftime("%Y-%m-%d %H:%M:%S"),
    RESULT_CODE: 1,
    RESULT_DESC: "OK"
  )
end

listener = TCPServer.new("127.0.0.1", ENV.fetch("CLOUDSMS_DR_PORT", "0").to_i)
server = OpenSSL::SSL::SSLServer.new(listener, context)
puts JSON.generate(port: listener.local_address.ip_port)

loop do
  connection = server.accept
  report = read_report(connection)
  puts JSON.generate(report)
  answer = answer_to(report)
  connection.write(
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" \
    "Content-Length: #{answer.bytesize}\r\nConnection: close\r\n\r\n#{answer}"
  )
  connection.close
rescue OpenSSL::SSL::SSLError => e
  # A caller without a good certificate ends its own connection, not the server.
  warn e.message
end
