sh "$HERE/device_certificate" pump-07 && mv device-ca.pem devices.pem
(umask 077 && openssl rand -base64 32 >/etc/tunnel-hub/secrets-key)
