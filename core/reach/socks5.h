/* The client's side of SOCKS5 (RFC 1928, with user and password as in RFC 1929): a connection to a
 * target through a proxy. Pure: bytes in, in any split; bytes to send out. */
#ifndef CORE_REACH_SOCKS5_H
#define CORE_REACH_SOCKS5_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/net/addresses.h"

enum socks5_step { SOCKS5_METHOD, SOCKS5_LOGIN, SOCKS5_REPLY, SOCKS5_DONE };

struct socks5 {
    const char *user, *password;  /* user NULL: no login; else up to 255 bytes each */
    const char *host;             /* up to 255 bytes; ignored when there is an address */
    const union address *address; /* the target's, or NULL: the proxy looks the host up */
    int port;
    enum socks5_step step; /* SOCKS5_DONE: further bytes come from the target */
    bool elsewhere;        /* after an error: another address of the target may work */
    uint8_t in[300];       /* private */
    size_t n;              /* private */
};

/* Appends the first message. False: it does not fit, or something is longer than SOCKS allows. */
bool socks5_begin(struct socks5 *s, struct buf *out);
/* Takes bytes up to the end of the proxy's last message and no further, and appends what has to be
 * sent now. Returns how many were taken, or minus the error with a sentence in *text: -ERR_PROTOCOL
 * (not SOCKS5), -ERR_AUTH, -ERR_REJECTED (by the proxy's rules), -ERR_REFUSED and the like (the
 * proxy's own error), -ERR_NO_MEMORY. */
long socks5_feed(struct socks5 *s, const uint8_t *p, size_t n, struct buf *out, const char **text);

#endif
