#include "tests/unit/tls_client_auth_help.h"

/* NAME.pem, NAME.key; signed by `devices`, unless it says otherwise. */
static const char devices_script[] =
    "set -e; cd \"$D\"; exec 2>openssl.log\n"
    "ec() { openssl ecparam -name prime256v1 -genkey -noout -out $1.key; }\n"
    "sign() { openssl req -new -key $1.key -subj \"$2\" -out $1.csr;\n"
    "  printf \"basicConstraints=CA:$5\\n$6\\n\" >$1.ext;\n"
    "  openssl x509 -req -in $1.csr -CA $3.pem -CAkey $3.key -CAcreateserial -days $4 "
    "    -extfile $1.ext -out $1.pem; }\n"
    "ec devices; openssl req -x509 -new -key devices.key -days 30 -subj /CN=devices "
    "  -out devices.pem\n"
    "ec dev; sign dev /O=plant/CN=RemoteDevice1 devices 30 FALSE\n"
    "cp rsa.key devrsa.key; sign devrsa /CN=RemoteDevice2 devices 30 FALSE\n"
    "ec stranger; sign stranger /CN=RemoteDevice1 other 30 FALSE\n"
    "cp dev.key old.key; sign old /CN=RemoteDevice1 devices -1 FALSE\n"
    "cp dev.key twice.key; sign twice /CN=RemoteDevice1/CN=RemoteDevice2 devices 30 FALSE\n"
    "cp dev.key nameless.key; sign nameless /O=plant devices 30 FALSE\n"
    "cp dev.key sealed.key; sign sealed /CN=RemoteDevice1 devices 30 FALSE "
    "  keyUsage=critical,keyAgreement\n"
    "cp dev.key under.key; sign under /CN=RemoteDevice3 dev 30 FALSE; cat dev.pem >>under.pem\n"
    "ec line; sign line /CN=line devices 30 TRUE\n"
    "cp dev.key chained.key; sign chained /CN=RemoteDevice4 line 30 FALSE; "
    "  cat line.pem >>chained.pem\n"
    "openssl genrsa -out otherrsa.key 2048; sign otherrsa /CN=x devices 30 FALSE\n"
    "openssl req -x509 -new -key dev.key -days 30 -subj /CN=RemoteDevice1 -out alone.pem\n"
    "cp dev.key alone.key\n";

struct trust *servers, *devices;

static struct trust *load_trust(const char *file)
{
    char text[256];
    enum err why;
    struct trust *t =
        trust_new(&(struct trust_sources){.file = certs_file(file)}, &why, text, sizeof text);
    if (t == NULL)
        fail_msg("%s", text);
    return t;
}

/* ---- one connection ---- */

void assert_says(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", text, part);
}

int setup(void **state)
{
    char command[sizeof devices_script + 128];
    (void)state;
    if (certs_make() != 0)
        return -1;
    snprintf(command, sizeof command, "D=%s\n%s", certs_directory, devices_script);
    if (system(command) != 0)
        return -1;
    servers = load_trust("ca.pem");
    devices = load_trust("devices.pem");
    return 0;
}

int teardown(void **state)
{
    (void)state;
    trust_free(servers);
    trust_free(devices);
    return certs_remove();
}
