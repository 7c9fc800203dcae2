#include "gateway/hub/mqtt/mqtt_login.h"

#include <string.h>

/* "HOST/ID/?api-version=…", where ID, which may have a '/' itself, is the client id. */
static bool is_azure(const struct mqtt_connect *c, struct span *host)
{
    struct span rest = c->user_name, id = c->client_id;
    if (rest.n == 0 || rest.p[0] == '?' || id.n == 0)
        return false;
    *host = span_cut(&rest, '/');
    return host->n > 0 && rest.n > id.n && memcmp(rest.p, id.p, id.n) == 0 && rest.p[id.n] == '/';
}

static struct mqtt_login refused(enum mqtt_code code, const char *why)
{
    return (struct mqtt_login){.code = code, .why = why};
}

static struct mqtt_login certified(const char *name)
{
    return (struct mqtt_login){.proof = MQTT_PROOF_CERTIFICATE, .device = span_of(name)};
}

/* Without a password. */
static struct mqtt_login by_certificate(const struct mqtt_connect *c, const char *name, bool azure)
{
    if (name == NULL)
        return refused(MQTT_NOT_AUTHORIZED,
                       "MQTT: neither a certificate of the hub's --device-ca nor a password says "
                       "who it is");
    if (azure && !span_is(c->client_id, name))
        return refused(MQTT_NOT_AUTHORIZED,
                       "MQTT: the certificate has another name (CN) than the client id");
    return certified(name);
}

struct mqtt_login mqtt_login_of(const struct mqtt_connect *c, const char *certificate)
{
    struct span host = {0};
    if (c->level != 3 && c->level != 4)
        return refused(MQTT_LEVEL_REFUSED, "MQTT of another version than 3.1.1 and 3.1");
    if (c->client_id.n > MQTT_CLIENT_ID_MAX)
        return refused(MQTT_ID_REFUSED, "MQTT: the client id is too long");
    if (c->client_id.n == 0 && !c->clean)
        return refused(MQTT_ID_REFUSED, "MQTT: a session that is to be kept needs a client id");
    bool azure = is_azure(c, &host);
    if (c->password.p == NULL)
        return by_certificate(c, certificate, azure);
    if (azure)
        return (struct mqtt_login){
            .proof = MQTT_PROOF_SIGNATURE, .device = c->client_id, .host = host};
    if (certificate != NULL)
        return certified(certificate);
    return refused(MQTT_BAD_LOGIN,
                   "MQTT: the user name is not HOST/CLIENT-ID/?api-version=... as Azure's devices "
                   "have it");
}
