#include "tests/support/certificates.h"

char certs_directory[64];

/* Each leaf is NAME.pem (with the CA's behind it) and NAME.key. */
static const char certs_script[] =
    "set -e; cd \"$D\"; exec 2>openssl.log\n"
    "ec() { openssl ecparam -name prime256v1 -genkey -noout -out $1.key; }\n"
    "rsa() { openssl genrsa -out $1.key 2048; }\n"
    "ca() { ec $1; openssl req -x509 -new -key $1.key -days 30 -subj \"/CN=$1\" -out $1.pem; }\n"
    "leaf() { openssl req -new -key $1.key -subj \"/CN=$2\" -out $1.csr;\n"
    "  printf 'subjectAltName=%s\\nbasicConstraints=CA:FALSE\\n' \"$3\" >$1.ext;\n"
    "  openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days $4 "
    "    -extfile $1.ext -out $1.crt;\n"
    "  cat $1.crt ca.pem >$1.pem; }\n"
    "ca ca; ca other\n"
    "ec ec; leaf ec ec DNS:localhost,IP:127.0.0.1,IP:::1 30\n"
    "rsa rsa; leaf rsa rsa DNS:localhost,DNS:*.plant.example 30\n"
    "cp ec.key text.key; leaf text text DNS:127.0.0.1 30\n"
    "cp ec.key mixed.key; leaf mixed mixed DNS:127.0.0.1,IP:10.9.8.7 30\n"
    "cp ec.key old.key; leaf old old DNS:localhost -1\n"
    "ec self; openssl req -x509 -new -key self.key -days 30 -subj /CN=self "
    "  -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE "
    "  -out self.pem\n"
    "ec v1; openssl req -new -key v1.key -subj /CN=localhost -out v1.csr;\n"
    "openssl x509 -req -in v1.csr -signkey v1.key -days 30 -out v1.pem\n"
    "openssl rsa -in rsa.key -traditional -out rsa-pkcs1.key\n"
    "openssl pkcs8 -topk8 -nocrypt -in rsa.key -out rsa-pkcs8.key\n"
    "openssl pkcs8 -topk8 -nocrypt -in ec.key -out ec-pkcs8.key\n"
    "openssl pkcs8 -topk8 -passout pass:x -in ec.key -out ec-secret.key\n"
    "openssl ec -in ec.key -aes128 -passout pass:x -out ec-oldsecret.key\n"
    "openssl ecparam -name prime256v1 -genkey -out ec-params.key\n"
    "openssl genpkey -algorithm ed25519 -out ed.key\n";

int certs_make(void)
{
    char command[sizeof certs_script + 128];
    strcpy(certs_directory, "/tmp/tls-test-XXXXXX");
    if (mkdtemp(certs_directory) == NULL)
        return -1;
    snprintf(command, sizeof command, "D=%s\n%s", certs_directory, certs_script);
    return system(command);
}

int certs_remove(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", certs_directory);
    return system(command);
}

const char *certs_file(const char *name)
{
    static char paths[32][128];
    static unsigned turn;
    char *path = paths[turn++ % 32];
    snprintf(path, sizeof paths[0], "%s/%s", certs_directory, name);
    return path;
}
