#!/usr/bin/env bash
# Makes the certificates of these tests anew, for a hundred years. The authorities' keys are not kept, and all servers have one key.
set -euo pipefail
cd "$(dirname "$0")"

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

key() { openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$1"; }

# authority NAME
authority() {
  key "$work/$1.key"
  openssl req -x509 -new -key "$work/$1.key" -days 36500 -subj "/CN=pipectl test authority $1" -out "$1.pem"
}

# Only `openssl ca` gives a certificate a time of its own, and it wants a book to write in.
touch "$work/book"
cat >"$work/ca.conf" <<CONF
[ca]
default_ca = ours
[ours]
database = $work/book
new_certs_dir = $work
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
[any]
commonName = supplied
CONF

# certificate NAME SUBJECT-ALTERNATIVE-NAME [UNTIL]: for the servers' key, signed by the authority `ca`; no name: none
certificate() {
  local name="$1" alternative="$2" until="${3:-21260101000000Z}" extensions="basicConstraints = CA:FALSE"
  if [ -n "$alternative" ]; then extensions+=$'\n'"subjectAltName = $alternative"; fi
  openssl req -new -key server.key -subj "/CN=$name" -out "$work/$name.csr"
  openssl ca -batch -notext -config "$work/ca.conf" -cert ca.pem -keyfile "$work/ca.key" -in "$work/$name.csr" \
    -extfile <(echo "$extensions") -startdate 20200101000000Z -enddate "$until" -out "$name.pem"
}

key server.key
authority ca
authority another-ca
certificate server "IP:127.0.0.1, DNS:db.example.com"
certificate other-name "DNS:db.example.com, IP:192.0.2.1"
certificate no-name ""
certificate expired "IP:127.0.0.1" 20210101000000Z
# As Postgres' manual makes one.
openssl req -new -x509 -days 36500 -key server.key -subj /CN=127.0.0.1 -addext "subjectAltName = IP:127.0.0.1" -out self-signed.pem
openssl req -new -key server.key -subj /CN=127.0.0.1 -out "$work/self-signed-expired.csr"
openssl ca -batch -notext -config "$work/ca.conf" -selfsign -keyfile server.key -in "$work/self-signed-expired.csr" \
  -extfile <(printf 'basicConstraints = critical, CA:TRUE\nsubjectAltName = IP:127.0.0.1\n') \
  -startdate 20200101000000Z -enddate 20210101000000Z -out self-signed-expired.pem
