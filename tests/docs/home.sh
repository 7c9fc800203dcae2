# What a reader of any page has, run before the page's own setup: hub, laptop and device are this one
# machine. Each command is run as those of a page are.
mkdir -p /opt/tunnel/bin /var/www /etc/tunnel-hub /var/lib/tunnel-hub /etc/tunnel-agent ~/.ssh ~/.aws
ln -s "$TUNNEL_BIN"/* /opt/tunnel/bin/
printf '#!/bin/sh\nexec "$@"\n' >/opt/tunnel/bin/sudo && chmod 755 /opt/tunnel/bin/sudo

# The names that the pages use, and a user whose login is root's.
printf '127.0.0.1 localhost hub.example hub laptop\n::1 localhost\n' >/etc/hosts
echo 'nameserver 127.0.0.1' >/etc/resolv.conf
sed -i '1i me:x:0:0::/home/me:/bin/bash' /etc/passwd
rm -f /etc/ssh/ssh_config.d/* /etc/gitconfig

# A certificate for the hub, from an authority that this machine trusts as browsers trust others.
(umask 077 && share/examples/make-certificates . hub.example localhost 127.0.0.1 2>/dev/null)
cat ca.pem >>/etc/ssl/certs/ca-certificates.crt

# An access key, in the hub's file and in two profiles.
cat >keys.ini <<'END'
[key OPERATOR]
secret = 8Zq0mCkTn1sVfYxR3uWd5LbHgJ7pEaA2
END
chmod 600 keys.ini
for profile in default work; do
    printf '[%s]\naws_access_key_id = OPERATOR\naws_secret_access_key = %s\nregion = us-east-1\n' \
        "$profile" 8Zq0mCkTn1sVfYxR3uWd5LbHgJ7pEaA2 >>~/.aws/credentials
done

# The device's services: sshd on port 22, and a web server on port 80 with a file and a repository.
ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519
ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/device_key
cp ~/.ssh/id_ed25519.pub ~/.ssh/authorized_keys
printf 'Host *\n    StrictHostKeyChecking accept-new\n    LogLevel ERROR\n' >~/.ssh/config
chmod -R go= ~/.ssh
/usr/sbin/sshd -f /dev/null -h /etc/ssh/device_key -o StrictModes=no -o UsePAM=no \
    -o SetEnv="PATH=$PATH XDG_RUNTIME_DIR=$XDG_RUNTIME_DIR" -o PermitRootLogin=yes -o PidFile=none -o 'Subsystem=sftp internal-sftp'
git init -q --bare /var/www/repo.git && git -C /var/www/repo.git update-server-info
echo '<h1>pump</h1>' >/var/www/index.html && echo content >/var/www/file && echo content >file
python3 -m http.server 80 --bind 127.0.0.1 --directory /var/www >/dev/null 2>&1 &
until curl -s http://127.0.0.1/ >/dev/null; do sleep 0.05; done

# The pages' AWS command line is Debian's, and asks nobody for keys.
export AWS_EC2_METADATA_DISABLED=true AWS_PAGER=''
