/* Who an MQTT client says to be, from its CONNECT and its certificate. Pure.
 *
 * - With a certificate of the hub's --device-ca it is the device of that name (CN), as a device
 *   link is; client id and user name may be anything, since AWS's clients have their own there.
 * - Azure's clients have the user name "HOST/ID/?api-version=…", ID also as the client id, and a
 *   shared access signature as the password, or none when they have a certificate.
 *
 * Nobody else is let in. */
#ifndef GATEWAY_HUB_MQTT_MQTT_LOGIN_H
#define GATEWAY_HUB_MQTT_MQTT_LOGIN_H

#include "core/mqtt/mqtt_packet.h"

#define MQTT_CLIENT_ID_MAX 512 /* bytes */

enum mqtt_proof {
    MQTT_PROOF_NONE,        /* it is refused */
    MQTT_PROOF_CERTIFICATE, /* TLS has proven it */
    MQTT_PROOF_SIGNATURE    /* the password has to */
};

struct mqtt_login {
    enum mqtt_proof proof;
    struct span device;  /* CERTIFICATE: its name; SIGNATURE: what Azure's clients call it */
    struct span host;    /* SIGNATURE: what it calls the hub */
    enum mqtt_code code; /* NONE: the answer, */
    const char *why;     /* and why, for the hub's log; in static storage */
};

/* certificate: the name (CN) that TLS has proven, or NULL. Texts are views of c and certificate. */
struct mqtt_login mqtt_login_of(const struct mqtt_connect *c, const char *certificate);

#endif
